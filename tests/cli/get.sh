#!/usr/bin/env bash
# ballast data get: from a mirror of files, whole, interrupted, wrong; what it says and where things go.
# shellcheck source=tests/cli/common.sh
. "$(dirname "$0")/common.sh"
export BALLAST_DATA=$folder/data
mirror=file://$folder/mirror
mkdir mirror data

# words
run 2 data get
err 'NAME is missing'
run 3 data get fashion-mnits
err 'did you mean "fashion-mnist"'
run 2 data get mnist --mirror /somewhere
err 'mirror is "/somewhere", an address that begins with https'
run 2 data get mnist --timeout 0
err 'timeout wants a whole number from 1 to 3600'
run 3 train mnist
err 'ballast data get mnist loads it, or put the four IDX files'
run 0 data list --json -
json out known.0.licence known.0.how_to_get 'known.*.about'

# nothing there: the licence is told first, and the failure names the address
run 1 data get cifar10 --mirror "$mirror"
err '^licence: no licence is stated by its authors'
err 'mirror/cifar-10-binary.tar.gz'
no_out
[ ! -e data/cifar10 ] || wrong "data/cifar10 is there"

# Debian compressed Fashion-MNIST again. With the name and the time of the publisher's gzip headers put back,
# the files are his, and their sums prove it.
debian=/usr/share/datasets/fashion-mnist
if [ ! -r "$debian/t10k-labels-idx1-ubyte.gz" ]; then
    [ -z "${BALLAST_REQUIRE_DATA:-}" ] || wrong "fashion-mnist is missing"
    [ "$failures" -eq 0 ] || finish
    echo "skipped: what is loaded comes from Debian's fashion-mnist"
    exit 77
fi
restore() { # name, time as four bytes
    {
        printf '\037\213\010\010%b\000\003%s\000' "$2" "$1"
        tail -c +11 "$debian/$1.gz"
    } >"mirror/$1.gz"
}
restore train-images-idx3-ubyte '\336\351\247\131'
restore train-labels-idx1-ubyte '\336\351\247\131'
restore t10k-images-idx3-ubyte '\363\351\247\131'
restore t10k-labels-idx1-ubyte '\363\351\247\131'

mv mirror/t10k-labels-idx1-ubyte.gz kept
run 1 data get fashion-mnist --mirror "$mirror" --out got
err '^licence: MIT, '
err '^loading train-images-idx3-ubyte.gz (25.2 MiB)$'
err '^  100 %, 25.2 MiB$'
err 't10k-labels-idx1-ubyte.gz'
[ -s got/fashion-mnist.part/train-images-idx3-ubyte.gz ] || wrong "what came was not kept"
[ ! -e got/fashion-mnist ] || wrong "half a data set has its name"

# a wrong file: both sums are named, and it does not stay
{ head -c 5147 kept && printf x; } >mirror/t10k-labels-idx1-ubyte.gz
run 3 data get fashion-mnist --mirror "$mirror" --out got
err 't10k-labels-idx1-ubyte.gz: its SHA-256 is [0-9a-f]\{64\}, 67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5 expected'
[ ! -e got/fashion-mnist.part/t10k-labels-idx1-ubyte.gz.part ] || wrong "a wrong file stayed"
cp "$debian/t10k-labels-idx1-ubyte.gz" mirror
run 3 data get fashion-mnist --mirror "$mirror" --out got
err 'gave 5125 bytes, 5148 expected'

# the right one: the same command ends it, without loading the others again
mv kept mirror/t10k-labels-idx1-ubyte.gz
rm mirror/train-*
run 0 data get fashion-mnist --mirror "$mirror" --out got
out '^fashion-mnist is at got/fashion-mnist$'
! grep -q '^loading train' err || wrong "files were loaded twice"
[ ! -e got/fashion-mnist.part ] || wrong "the working folder stayed"
run 0 data info got/fashion-mnist
out '^10 classes, images 28 x 28 with 1 channel'
run 0 data get fashion-mnist --mirror "$mirror" --out got --json -
json out name='"fashion-mnist"' path='"got/fashion-mnist"' licence
! grep -q '^loading' err || wrong "it was there already"
run 0 data get fashion-mnist --out got --quiet
no_err

# a known name needs nothing more: it is found where it was put
rm -r got mirror
export BALLAST_MIRROR=$mirror
run 0 data get fashion-mnist
out "^fashion-mnist is at $debian\$"
unset BALLAST_MIRROR

# something else is in the way
mkdir -p data/mnist
echo mine >data/mnist/notes
run 1 data get mnist --mirror "$mirror"
err 'data/mnist: is there already, and is not mnist'
[ -s data/mnist/notes ] || wrong "what was in the way is gone"
finish
