#!/bin/bash
# Whether a node answers, for `docker ps`; and the second witness before it restarts. The balancer sees that no token
# comes, and says so; the node asks itself for one. Only when both find nothing it ends process 1, and Docker's restart
# policy brings it back. Nobody gets a right for it: a balancer that lies makes nodes ask themselves for a token.
#
# The text without its comments is a part of every node's container: a change of it replaces them all.
#
#   $1  the node's name
#   $2  file with the balancers that judge it: a line each, address and port; it may be missing

# HTTP by hand, since Ollama's image has no curl.
#
#   $1      seconds for the answer
#   $2 $3   address and port
#   $4      request
#   stdout  the answer
ask() {
  # shellcheck disable=SC2016 # they are the inner shell's
  timeout "$1" bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf %s "$2" >&3 && cat <&3' "$2" "$3" "$4" 2>/dev/null
}

# The context with which a model is loaded, as an option: for another one, or none, Ollama would wait until all that is in
# flight has ended, and load the model anew. Before 0.30 its list has another number where a model can't do as much.
context_of() {
  [[ $(ask 2 127.0.0.1 11434 $'GET /api/version HTTP/1.0\r\n\r\n') =~ \"version\":\"([0-9]+)\.([0-9]+) ]] || return 0
  [ "${BASH_REMATCH[1]}" -gt 0 ] || [ "${BASH_REMATCH[2]}" -ge 30 ] || return 0
  loaded=$(ask 2 127.0.0.1 11434 $'GET /api/ps HTTP/1.0\r\n\r\n')
  [[ $loaded == *"\"name\":\"$1\""*'"context_length":'[1-9]* ]] || return 0
  loaded=${loaded#*"\"name\":\"$1\""}
  loaded=${loaded#*'"context_length":'}
  echo ",\"num_ctx\":${loaded%%[!0-9]*}"
}

# A token within 20 seconds, of the model that hangs; a processor works off somebody's long prompt in less.
gives_token() {
  options="{\"num_predict\":1$(context_of "$1")}"
  body="{\"model\":\"$1\",\"prompt\":\"Hi\",\"raw\":true,\"stream\":false,\"options\":$options}"
  length=$'\r\nContent-Length: '${#body}$'\r\n\r\n'
  [ -n "$(ask 20 127.0.0.1 11434 $'POST /api/generate HTTP/1.0\r\nContent-Type: application/json'"$length$body")" ]
}

# Ollama that loses its GPU goes on without a word. A restart finds it again, or does not: then one in ten minutes is enough.
is_on_gpu() {
  read -r up _ </proc/uptime
  read -ra status </proc/1/stat
  if [ $((${up%.*} - status[21] / 100)) -lt 600 ]; then return 0; fi
  loaded=$(ask 5 127.0.0.1 11434 $'GET /api/ps HTTP/1.0\r\n\r\n')
  while [[ $loaded == *'"size":'* ]]; do
    loaded=${loaded#*'"size":'}
    size=${loaded%%[!0-9]*}
    loaded=${loaded#*'"size_vram":'}
    [ $((100 * ${loaded%%[!0-9]*})) -ge $((size * $1)) ] || return 1
  done
}

ollama ps >/dev/null || exit 1

# Where several balancers use the node, it serves one of them as long as not all say otherwise.
judgement=''
while read -r address port; do
  said=$(ask 3 "$address" "$port" "GET /verdict/$1 HTTP/1.0"$'\r\n\r\n')
  said=${said##*$'\n'}
  case $said in
    wedged* | cpu*) judgement=$said ;;
    ok* | quiet*) exit 0 ;;
  esac
done < <(cat "$2" 2>/dev/null)

read -r verdict model percent <<<"$judgement"
case $verdict in
  wedged) gives_token "$model" || kill -TERM 1 ;;
  cpu) is_on_gpu "$percent" || kill -TERM 1 ;;
esac
exit 0
