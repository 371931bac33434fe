#!/usr/bin/env bash
# ballast resample from outside: files in, files out, what is said, and what is refused.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"

# npy FILE DESCR FORTRAN SHAPE: the bytes come from stdin
npy() {
    header="{'descr': '$2', 'fortran_order': $3, 'shape': ($4), }"
    while [ $(((${#header} + 11) % 64)) -ne 0 ]; do header="$header "; done
    length=$((${#header} + 1))
    {
        printf '\223NUMPY\001\000'
        # shellcheck disable=SC2059
        printf "\\x$(printf %02x $((length % 256)))\\x$(printf %02x $((length / 256)))"
        printf '%s\n' "$header"
        cat
    } >"$1"
}
# shellcheck disable=SC2059
bytes() { for b in "$@"; do printf "\\x$(printf %02x "$b")"; done; }
repeat() { for ((i = 0; i < $2; i++)); do bytes "$1"; done; }
header() { head -c 128 "$1" | tr -d '\000' | grep -a -o "{.*}"; }

# five rows of three float32: 0.5 1 2 (little endian), labels 0 0 0 7 7
half='\x00\x00\x00\x3f' one='\x00\x00\x80\x3f' two='\x00\x00\x00\x40'
# shellcheck disable=SC2059
printf "$half$one$two$one$one$one$two$two$two$half$half$half$one$two$half" | npy x.npy '<f4' False '5, 3'
bytes 0 0 0 7 7 | npy y.npy '|u1' False '5,'
files=(--features x.npy --labels y.npy --out-features x2.npy --out-labels y2.npy)

run 0 resample --method random-over "${files[@]}" --out-origin o.csv --json r.json
out 'random-over: 5 of 5 rows kept, 1 made'
grep -q 'y.npy' err && wrong "labels are small, nothing need be said"
json r.json method='"random-over"' rows=5 columns=3 kept=5 made=1 classes.1.label=7 classes.1.after=3
[ "$(header x2.npy)" = "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 3), }" ] || wrong "$(header x2.npy)"
[ "$(header y2.npy)" = "{'descr': '<i4', 'fortran_order': False, 'shape': (6,), }" ] || wrong "$(header y2.npy)"
cmp -s <(tail -c 60 x.npy) <(tail -c 72 x2.npy | head -c 60) || wrong "the input rows are others"
[ "$(wc -l <o.csv)" -eq 7 ] || wrong "o.csv has not a line for each row"
[ "$(head -1 o.csv)" = row,base,neighbour,weight,label ] || wrong "o.csv: $(head -1 o.csv)"
grep -Eq '^5,[34],[34],0,7$' o.csv || wrong "o.csv: $(tail -1 o.csv)"
run 0 resample --method random-over "${files[@]}" --json -
json out made=1
cp x2.npy first.npy
run 0 resample --method random-over "${files[@]}" --threads 3 --memory 1 --quiet
cmp -s x2.npy first.npy || wrong "threads or memory change the output"
no_err
run 0 resample --method random-over "${files[@]}" --out-origin o.npy
[ "$(header o.npy)" = "{'descr': '<f8', 'fortran_order': False, 'shape': (6, 3), }" ] || wrong "$(header o.npy)"

# Fortran order and float64 are converted, and that is said
# shellcheck disable=SC2059
printf "$half$one$two$half$one$one$one$two$half$two$two$one$two$half$half" | npy f.npy '<f4' True '5, 3'
run 0 resample --method random-over --features f.npy "${files[@]:2}"
err 'f.npy: float32 in Fortran order, converted to float32 in memory'
cmp -s x2.npy first.npy || wrong "Fortran order gives other rows"
repeat 0 120 | npy d.npy '>f8' False '5, 3'
run 0 resample --method random-over --features d.npy "${files[@]:2}"
err 'd.npy: float64 in the other byte order, converted to float32'
bytes 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0 | npy l.npy '<i8' False '5,'
run 0 resample --method random-over --features x.npy --labels l.npy "${files[@]:4}"
[ "$(header y2.npy)" = "{'descr': '<i8', 'fortran_order': False, 'shape': (6,), }" ] || wrong "$(header y2.npy)"

# images keep their type and shape
for ((i = 0; i < 60; i++)); do bytes $((i * 4)); done | npy i.npy '|u1' False '5, 2, 3, 2'
run 0 resample --method random-over --features i.npy "${files[@]:2}"
[ "$(header x2.npy)" = "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 2, 3, 2), }" ] || wrong "$(header x2.npy)"
cmp -s <(tail -c 60 i.npy) <(tail -c 72 x2.npy | head -c 60) || wrong "the input images are others"

# refused: usage
run 2 resample
err '--features is missing'
run 2 resample --features x.npy --labels y.npy --out-features x3.npy
err '--out-labels is missing'
run 2 resample "${files[@]}" --method smoted
err 'no resampling method "smoted"'
run 2 resample "${files[@]}" --k 0
err '--k wants a whole number from 1'
run 2 resample "${files[@]}" --method random-over --strategy 7:1
err 'class 7 has 2 rows and 1 are asked for'
run 2 resample "${files[@]}" extra
err 'extra'

# refused: data
refused() { # CODE MESSAGE WORDS...
    rm -f x3.npy y3.npy
    run "$1" resample --method random-over "${@:3}" --out-features x3.npy --out-labels y3.npy
    err "$2"
    { [ ! -e x3.npy ] && [ ! -e y3.npy ]; } || wrong "$line: left files behind"
    [ -z "$(find . -name '*.tmp-*')" ] || wrong "$line: left temporary files behind"
}
refused 1 'none.npy: cannot open' --features none.npy --labels y.npy
refused 3 'y.npy: 1 dimension' --features y.npy --labels y.npy
refused 3 'i.npy: 4 dimensions, labels have 1' --features x.npy --labels i.npy
bytes 0 1 0 1 | npy short.npy '|u1' False '4,'
refused 3 'short.npy: 4 labels for 5 rows of x.npy' --features x.npy --labels short.npy
head -c 170 x.npy >cut.npy
refused 3 'cut.npy: the shape promises 60 bytes, the file has 42' --features cut.npy --labels y.npy
repeat 0 60 | npy lie.npy '<f4' False '4294967296, 4294967296'
refused 3 'lie.npy: the shape overflows' --features lie.npy --labels y.npy
repeat 0 0 | npy none.npy '<f4' False '0, 3'
refused 3 'none.npy: no values' --features none.npy --labels y.npy
repeat 3 5 | npy same.npy '|u1' False '5,'
refused 3 'all rows are of class 3' --features x.npy --labels same.npy
# shellcheck disable=SC2059
printf "$half$one$two$one$one\x00\x00\xc0\x7f$two$two$two$half$half$half$one$two$half" | npy nan.npy '<f4' False '5, 3'
refused 3 'row 1, column 2 is nan' --features nan.npy --labels y.npy
# shellcheck disable=SC2059
printf "$half$one$two$one$one" | npy flt.npy '<f4' False '5,'
refused 3 'flt.npy: element 0 is 0.5, which is no int32' --features x.npy --labels flt.npy
finish
