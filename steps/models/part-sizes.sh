#!/bin/bash
# Says of each part of a model how much is there, and whether it is verified: all of it, what arrived before it was
# cut, or nothing. First it ends a copy-model.sh that goes on although the connection that started it broke.
#
# Runs where Ollama keeps models, as copy-model.sh does.
#
#   $1…     parts, each as "sha256-…/bytes"
#   stdout  a line each: "sha256-… BYTES verified" or "sha256-… BYTES begun"
if [ -f /tmp/copying ]; then
  read -r -a copying </tmp/copying
  kill "${copying[@]}" 2>/dev/null
  rm -f /tmp/copying
fi
mkdir -p blobs lan
for part; do
  file=$(dirname "$part") bytes=$(basename "$part")
  whole=$(stat -c %s "blobs/$file" 2>/dev/null)
  begun=$(stat -c %s "lan/$file" 2>/dev/null || echo 0)
  # More than all of it is none of it.
  [ "$begun" -le "$bytes" ] || { rm "lan/$file"; begun=0; }
  if [ "$whole" = "$bytes" ]; then echo "$file $bytes verified"; else echo "$file $begun begun"; fi
done
