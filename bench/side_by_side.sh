#!/bin/sh
# A training step of ResNet-32 for CIFAR beside PyTorch's on this machine, alternating, and a Markdown table
# of medians. PyTorch runs in both memory layouts; the faster one counts.
# Use: side_by_side.sh [PROGRAM]   environment: ROUNDS (5), THREADS (2), BATCH (128), PYTHON (/usr/bin/python3)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../build/release/ballast}
rounds=${ROUNDS:-5}
threads=${THREADS:-2}
batch=${BATCH:-128}
python=${PYTHON:-/usr/bin/python3}
[ -x "$program" ] || { echo "side_by_side: no program $program; run make first" >&2; exit 1; }
"$python" -c 'import torch' 2>/dev/null || {
    echo "side_by_side: $python has no torch; install python3-torch (Debian's name), or set PYTHON" >&2
    exit 1
}
export OMP_NUM_THREADS="$threads"
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

run() { # name, command...
    name=$1
    shift
    printf '{"name": "%s", "result": %s}\n' "$name" "$("$@" | tr -d '\n')" >>"$lines"
}
round=1
while [ "$round" -le "$rounds" ]; do
    echo "round $round of $rounds" >&2
    run ballast "$program" bench train --model resnet32 --batch-size "$batch" --threads "$threads" --json - --quiet
    for layout in nchw nhwc; do
        run "$layout" "$python" "$here/torch_resnet32.py" --layout "$layout" --batch-size "$batch" --threads "$threads"
    done
    round=$((round + 1))
done
"$python" "$here/side_by_side.py" "$lines"
