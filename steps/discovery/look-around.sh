#!/bin/sh
# Says which GPUs a machine has and whether an Ollama runs on it. What it does not know, it leaves out.
#
# Runs on the host of an engine, by ssh or here, as whoever logs in. Changes nothing.
#
#   $1      port of Ollama
#   stdout  a line each: "nvidia INDEX, MEBIBYTES, NAME", "amd INDEX BYTES", "version JSON" and "tags JSON" as Ollama
#           answers, "store FOLDER" with models; "end" at the end: without it, somebody else has talked
url=http://127.0.0.1:$1

get() {
  curl -fsS -m 5 "$url$1" 2>/dev/null || wget -qO- -T 5 "$url$1" 2>/dev/null
}

nvidia-smi --query-gpu=index,memory.total,name --format=csv,noheader,nounits 2>/dev/null |
  sed 's/^/nvidia /'
index=0
for card in /sys/class/drm/card[0-9]*/device; do
  if [ "$(cat "$card/vendor" 2>/dev/null)" = 0x1002 ] && [ -e /dev/kfd ]; then
    echo "amd $index $(cat "$card/mem_info_vram_total" 2>/dev/null)"
    index=$((index + 1))
  fi
done
if version=$(get /api/version); then
  echo "version $version"
  echo "tags $(get /api/tags)"
fi
for folder in "$OLLAMA_MODELS" "$HOME/.ollama/models" /usr/share/ollama/.ollama/models; do
  if [ -n "$folder" ] && [ -d "$folder/manifests" ]; then echo "store $folder"; fi
done
echo end
