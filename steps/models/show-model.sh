#!/bin/sh
# Shows what a store has of a model. Fails when it has no such model.
#
# Runs where Ollama keeps models.
#
#   $1      path of its manifest below `manifests`
#   stdout  the manifest, on one line as Ollama writes it, then "sha256-… BYTES" of every part of any model
cat "manifests/$1" && echo && cd blobs && stat -c "%n %s" sha256-*
