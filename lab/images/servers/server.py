# A model server as people write one: a model that is loaded at the start, /health, and one inference route.
import asyncio
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

model = {}


async def load():
    await asyncio.sleep(float(os.environ.get("LOAD_SECONDS", "0")))
    model["weight"] = 2.0


@asynccontextmanager
async def lifespan(_app):
    loading = asyncio.create_task(load())
    yield
    loading.cancel()


app = FastAPI(lifespan=lifespan)


class Question(BaseModel):
    x: float


@app.get("/health")
def health():
    if "weight" not in model:
        raise HTTPException(status_code=503, detail="the model is being loaded")
    return {"status": "ok"}


@app.post("/predict")
def predict(question: Question):
    return {"y": question.x * model["weight"], "server": os.environ.get("SERVER_ID", "?")}
