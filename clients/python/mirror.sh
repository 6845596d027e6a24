#!/bin/sh
# Two hubs on this machine: the second follows the first, and goes on without it.
#
# Usage, in an empty folder, with `lyceum`, `hf` and a `python` that has transformers: mirror.sh FIRST_PORT SECOND_PORT
set -eu
first=http://127.0.0.1:$1 second=http://127.0.0.1:$2
here=$(cd "$(dirname "$0")" && pwd)
trap 'kill $first_hub $second_hub 2>/dev/null || true' EXIT
first_hub= second_hub=

say() { printf '\n$ %s\n' "$*"; }
run() { say "$@"; "$@"; }
# Runs a client against a hub, with nothing that it remembers from before.
at() { hub=$1 home=$2; shift 2; say "HF_ENDPOINT=$hub $*"; HF_ENDPOINT=$hub HF_HOME=$PWD/$home "$@"; }
until_ready() { python "$here/wait_for.py" "$1/readyz"; }

lyceum user create ada --data first
HF_TOKEN=$(lyceum token create ada --data first)
export HF_TOKEN
lyceum serve --data first --listen "127.0.0.1:$1" > first.log 2>&1 &
first_hub=$!
until_ready "$first"
python "$here/make_words.py" words
at "$first" home hf upload ada/words words > upload.log

cat > second.toml <<EOF
[[upstream]]
name = "first"
url = "$first"
allow = ["ada/*"]
allow_private_addresses = true
EOF
run lyceum mirror add first://ada/words --data second --config second.toml
lyceum serve --data second --config second.toml --listen "127.0.0.1:$2" > second.log 2>&1 &
second_hub=$!
until_ready "$second"
unset HF_TOKEN
at "$second" home-1 hf download ada/words weights.bin --local-dir copy
run cmp words/weights.bin copy/weights.bin
run lyceum mirror list --data second --config second.toml

# The second version differs in four bytes.
printf edit | dd of=words/weights.bin bs=1 seek=10000000 conv=notrunc 2> dd.log
HF_TOKEN=$(lyceum token create ada --name again --data first)
export HF_TOKEN
at "$first" home hf upload ada/words words > upload.log
unset HF_TOKEN
run lyceum mirror sync ada/words --full --data second --config second.toml

say "kill the first hub"
kill "$first_hub"
wait "$first_hub" || true
at "$second" home-2 python -c "
from transformers import AutoTokenizer
print(AutoTokenizer.from_pretrained('ada/words')('hello hub')['input_ids'])"
at "$second" home-2 hf download ada/words weights.bin --local-dir copy
run cmp words/weights.bin copy/weights.bin
