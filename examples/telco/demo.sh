#!/bin/sh
# From a table to a served prediction: trains (tenure run), serves (tenure up), asks for one customer.
# On a terminal the server stays up until Ctrl-C; elsewhere it is stopped again.
set -eu
tenure=$(cd "$(dirname "$0")/../../build" && pwd)/tenure
cd "$(dirname "$0")"

say() { printf '\n%s\n' "$*"; }

say "1. tenure run: from the table to a promoted model"
"$tenure" run "$@"

say "2. tenure up: serve it"
answers=$(mktemp)
server=""
stop() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -f "$answers"
}
trap stop EXIT
trap 'exit 130' INT TERM

start() { # start ARGUMENTS…: waits until the server tells its address
  "$tenure" up --json "$@" >"$answers" &
  server=$!
  while [ ! -s "$answers" ]; do
    kill -0 "$server" 2>/dev/null || { wait "$server" 2>/dev/null || true; server=""; return 1; }
    sleep 0.05
  done
  address=$(sed -n 's/.*"address":"\([^"]*\)".*/\1/p' "$answers")
  [ -n "$address" ]
}
start 2>/dev/null || start --port 0
echo "$address"

say "3. POST /predict for a customer, by id: the server looks the features up itself"
customer=$("$tenure" data query "SELECT customerID FROM data WHERE tenure BETWEEN 1 AND 6 ORDER BY customerID LIMIT 1" --json |
  sed -n 's/.*"rows":\[\["\([^"]*\)".*/\1/p')
echo "curl -s $address/predict -d '{\"customer_id\": \"$customer\"}'"
curl -sf "$address/predict" -H 'Content-Type: application/json' -d "{\"customer_id\": \"$customer\"}"
echo

say "Interactive documentation: $address/docs"
if [ -t 0 ] && [ -t 1 ]; then
  echo "The server runs until Ctrl-C."
  wait "$server"
else
  echo "Start it again with: cd examples/telco && ../../build/tenure up"
fi
