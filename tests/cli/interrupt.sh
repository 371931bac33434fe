#!/usr/bin/env bash
# Ctrl-C: the state is saved, the message says how to go on, and the run ends as one that was left alone.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
"$FIXTURE" || exit 1
words=(tiny --model lenet --batch-size 8 --epochs 12 --lr 0.01)

interrupted() { # signal, folder: exit code in $code
    "$BALLAST" train "${words[@]}" --output "$2" >out 2>err &
    program=$!
    for _ in $(seq 200); do
        grep -q '^epoch 2/' err && break
        sleep 0.05
    done
    kill "-$1" "$program"
    wait "$program"
    code=$?
    line="ballast train ${words[*]}, then SIG$1"
}

for signal in INT TERM; do
    interrupted "$signal" "runs/$signal"
    if [ "$code" -ne 130 ] || ! grep -q "^  ballast train tiny .*--resume$" err; then
        wrong "exit code $code, 130 and --resume expected"
    fi
    no_out
done
run 0 train "${words[@]}" --output runs/INT --resume
run 0 train "${words[@]}" --output runs/whole
cmp -s runs/INT/last.safetensors runs/whole/last.safetensors || wrong "resumed and whole run differ"
[ "$(wc -l <runs/INT/metrics.jsonl)" -eq 12 ] || wrong "metrics.jsonl of the resumed run"
finish
