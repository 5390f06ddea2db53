"""One Python client of Ollama or OpenAI against a mesh: python_clients.py CLIENT URL KEY MODEL...

Prints as JSON what it lists, null where it has no such call, and what each model did: answered with tokens, streamed
in several parts, embedded.
"""

import json
import sys

QUESTION = [{"role": "user", "content": "the quick brown fox"}]
# More tokens than asked for are never sent, and the models of the lab never stop by themselves.
TOKENS = 8


def of_openai(url, key):
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def chat(model, stream):
        return client.chat.completions.create(
            model=model, messages=QUESTION, max_tokens=TOKENS, stream=stream
        )

    return {
        "list": lambda: [model.id for model in client.models.list()],
        "whole": lambda model: chat(model, False).usage.completion_tokens,
        "parts": lambda model: [
            part.choices[0].delta.content for part in chat(model, True) if part.choices
        ],
        "embed": lambda model: (
            client.embeddings.create(model=model, input="one").data[0].embedding
        ),
    }


def of_ollama(url, key):
    from ollama import Client

    client = Client(host=url, headers={"Authorization": f"Bearer {key}"})

    def chat(model, stream):
        return client.chat(
            model=model, messages=QUESTION, options={"num_predict": TOKENS}, stream=stream
        )

    return {
        "list": lambda: [model.model for model in client.list().models],
        "whole": lambda model: chat(model, False).eval_count,
        "parts": lambda model: [part.message.content for part in chat(model, True)],
        "embed": lambda model: client.embed(model=model, input="one").embeddings[0],
    }


def of_litellm(provider, base):
    def of(url, key):
        import litellm

        litellm.telemetry = False
        to = {"api_base": f"{url}{base}", "api_key": key, "num_retries": 0}

        def chat(model, stream):
            return litellm.completion(
                model=f"{provider[0]}/{model}",
                messages=QUESTION,
                max_tokens=TOKENS,
                stream=stream,
                **to,
            )

        def embed(model):
            answer = litellm.embedding(model=f"{provider[1]}/{model}", input=["one"], **to)
            return answer.data[0]["embedding"]

        return {
            "list": lambda: litellm.get_valid_models(
                check_provider_endpoint=True,
                custom_llm_provider=provider[1],
                api_key=key,
                api_base=f"{url}{base}",
            ),
            "whole": lambda model: chat(model, False).usage.completion_tokens,
            "parts": lambda model: [
                part.choices[0].delta.content for part in chat(model, True) if part.choices
            ],
            "embed": embed,
        }

    return of


def of_langchain_ollama(url, key):
    from langchain_ollama import ChatOllama, OllamaEmbeddings

    headers = {"client_kwargs": {"headers": {"Authorization": f"Bearer {key}"}}}

    def chat(model):
        # It asks for the list of models, and takes no other.
        return ChatOllama(
            model=model, base_url=url, num_predict=TOKENS, validate_model_on_init=True, **headers
        )

    return {
        "list": lambda: None,
        "whole": lambda model: chat(model).invoke("the quick fox").usage_metadata["output_tokens"],
        "parts": lambda model: [part.content for part in chat(model).stream("the quick fox")],
        "embed": lambda model: (
            OllamaEmbeddings(model=model, base_url=url, **headers).embed_query("one")
        ),
    }


def of_langchain_openai(url, key):
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    to = {"base_url": f"{url}/v1", "api_key": key, "max_retries": 0}

    def chat(model):
        return ChatOpenAI(model=model, max_tokens=TOKENS, **to)

    return {
        "list": lambda: None,
        "whole": lambda model: chat(model).invoke("the quick fox").usage_metadata["output_tokens"],
        "parts": lambda model: [part.content for part in chat(model).stream("the quick fox")],
        # By default it sends token ids of OpenAI's own models, which no other server takes.
        "embed": lambda model: (
            OpenAIEmbeddings(model=model, check_embedding_ctx_length=False, **to).embed_query("one")
        ),
    }


CLIENTS = {
    "openai": of_openai,
    "ollama": of_ollama,
    "litellm-openai": of_litellm(("openai", "openai"), "/v1"),
    "litellm-ollama": of_litellm(("ollama_chat", "ollama"), ""),
    "langchain-ollama": of_langchain_ollama,
    "langchain-openai": of_langchain_openai,
}

name, url, key, *models = sys.argv[1:]
client = CLIENTS[name](url, key)
listed = client["list"]()
print(
    json.dumps(
        {
            "listed": sorted(listed) if listed is not None else None,
            "asked": {
                model: {
                    "answered": client["whole"](model) > 0,
                    "streamed": len([part for part in client["parts"](model) if part]) > 2,
                    "embedded": len(client["embed"](model)) > 0,
                }
                for model in models
            },
        }
    )
)
