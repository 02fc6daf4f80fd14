#!/usr/bin/env bash
# Lints what is in this folder, then builds both images and runs them, on a machine without a container engine:
#
#     docker/check.sh [BASE]        # as root, on Debian or Ubuntu; some minutes, and 10 GB for as long as it runs
#
# BASE is a folder in which the base is kept for another time.
#
# debootstrap makes the base that the Dockerfile names, and buildah builds and runs in a chroot: the same files and
# users as in a container, but the host's network and processes. pip and apt reach what they reach outside: their
# settings are mounted while the images are built, and get into no layer. Servers listen on the loopback only.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH:/usr/sbin:/sbin"

step() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }
fail() {
    echo "docker/check.sh: $1" >&2
    exit "${2:-1}"
}

kept=${1:-}
missing=()
for pair in hadolint:"hadolint (pip install '.[test]')" docker-compose:docker-compose buildah:buildah \
    debootstrap:debootstrap mariadbd:mariadb-server-core mariadb:mariadb-client-core curl:curl; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
((EUID == 0)) || missing+=("root, who alone may make a chroot")
((${#missing[@]} == 0)) || fail "missing: $(printf '%s; ' "${missing[@]}" | sed 's/; $//')" 2

work=$(mktemp -d "${TMPDIR:-/var/tmp}/hypercolumn-docker.XXXXXX")
started=()
finish() {
    local code=$?
    for process in "${started[@]}"; do
        kill -- "-$process" 2>/dev/null && wait "$process" || true
    done
    if ((code)); then tail -n 30 "$work"/*.log >&2 || true; fi
    images rm --all >/dev/null 2>&1 || true # unmounts them too
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# In a process group of its own, so that what it starts in turn is stopped with it.
background() {
    set -m
    "$@" &
    started+=($!)
    set +m
}

# buildah with a storage of its own, so that it meets no other images. Overlays are not to be had everywhere; without
# them every layer is a whole copy.
mkdir "$work"/{lower,upper,index,merged}
folders=lowerdir=$work/lower,upperdir=$work/upper,workdir=$work/index
if mount -t overlay -o "$folders" overlay "$work/merged" 2>/dev/null; then
    umount "$work/merged"
    export STORAGE_DRIVER=${STORAGE_DRIVER:-overlay}
fi
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs} BUILDAH_ISOLATION=chroot
images() { TMPDIR=$work buildah --root "$work/storage" --runroot "$work/run" "$@"; }

step "lint"
hadolint docker/Dockerfile
mkdir "$work/secrets"
for name in database_password database_root_password jupyter_token; do
    python3 -c 'import secrets; print(secrets.token_hex(16), end="")' >"$work/secrets/$name"
    chmod 644 "$work/secrets/$name" # in a folder that only root can enter
done
docker-compose --file docker/compose.yaml config --quiet
docker-compose --file docker/compose.yaml --file docker/compose.gpu.yaml config --quiet

step "base"
base=$(sed -n 's/^FROM \(.*\) AS base$/\1/p' docker/Dockerfile)
suite=${base#debian:}
container=$(images from scratch)
root=$(images mount "$container")
if [[ -z $kept || ! -e $kept/etc/os-release ]]; then
    debootstrap --variant=minbase "${suite%-slim}" "${kept:-$root}" >"$work/debootstrap.log"
fi
if [[ -n $kept ]]; then cp --archive "$kept/." "$root"; fi
rm -f "$root"/var/cache/apt/archives/*.deb
images config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd bash "$container"
images commit --quiet --rm "$container" "docker.io/library/$base" >"$work/commit.log"

# What of this machine's apt and pip is needed to reach their sources: settings, a certificate, folders of packages,
# a file of constraints.
apt-config dump | grep -E '^Acquire::(http|https)::.' >"$work/apt.conf" || true
settings=$(python3 -m pip config list | sed -nE "s/^(:env:|global)\.([a-z-]+)='(.*)'$/\2 = \3/p" | awk '!seen[$1]++')
mounts=(--volume "$work/pip.conf:/etc/pip.conf:ro" --volume "$work/apt.conf:/etc/apt/apt.conf.d/host:ro")
certificate=$(sed -n 's/^cert = //p' <<<"$settings")
if [[ -n $certificate ]]; then mounts+=(--volume "$certificate:/etc/pip-certificate.pem:ro"); fi
printf '[global]\n%s\n' "${settings/"$certificate"//etc/pip-certificate.pem}" >"$work/pip.conf"
# An index keeps its files beside the folder `simple`.
for path in $(grep -oE '(file://)?/[^ ]+' "$work/pip.conf" | sed 's#^file://##; s#/simple/*$##' | sort -u); do
    if [[ -e $path ]]; then mounts+=(--volume "$path:$path:ro"); fi
done

for target in worker notebook; do
    step "build: $target"
    images bud --pull-never --layers --quiet "${mounts[@]}" --target "$target" \
        --tag "hypercolumn-$target" --file docker/Dockerfile . >"$work/build-$target.log" 2>&1
done
images images --filter reference='hypercolumn-*' --format '{{.Name}} {{.Size}}'

# A recording of six neurons, and trainings of a few steps on it.
declare_tasks="
import pipeline
pipeline.connect()
from models.simulation import simulate_recording
from pipeline.configs import CONFIGS
from pipeline.datasets import add_recording
from pipeline.tasks import declare_task
add_recording('check', simulate_recording(num_neurons=6, num_images=60, image_size=16))
few = {'trainer': 'check', 'batch_size': 16, 'val_steps': 2, 'max_iter': 6}
for seed in range(4):
    declare_task('check', CONFIGS['cnn'].derived('check', 'a few steps', trainer=few), seed)
"
trained() { python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'; }

step "run: the worker as an ordinary user, on the embedded server"
worker=$(images from --pull-never hypercolumn-worker)
[[ $(images run "$worker" -- id -u) == 1000 ]] || fail "the worker's user is not 1000"
images run "$worker" -- hypercolumn --version
images run "$worker" -- python -c "import pathlib, s3fs, schemas, torch
print(pathlib.Path(schemas.__file__).with_name('commit.json').read_text(), torch.__version__)"
# In one run, as in one container: the server, which stays, is of the first run's file system.
images run "$worker" -- bash -euc 'trap "hypercolumn db stop >&2" EXIT
    python -c "$0"; hypercolumn worker --once >&2; hypercolumn results --format json' "$declare_tasks" >"$work/results"
[[ $(trained <"$work/results") == 4 ]] || fail "not all was trained"

step "run: two workers and Jupyter as compose.yaml has them, on MariaDB in the place of MySQL"
chown nobody "$work"
as=(--user=nobody --datadir="$work/mariadb" --tmpdir="$work" --socket="$work/mariadb.socket")
mariadb-install-db --no-defaults "${as[@]:0:3}" --auth-root-authentication-method=normal --skip-test-db \
    >"$work/mariadb.log"
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
background mariadbd --no-defaults "${as[@]}" --pid-file="$work/mariadb.pid" --bind-address=127.0.0.1 --port="$port" \
    >>"$work/mariadb.log" 2>&1
administer() { mariadb --no-defaults --socket="$work/mariadb.socket" --user=root "$@"; }
for _ in {1..300}; do
    administer --execute="SELECT 1" >/dev/null 2>&1 && break
    kill -0 "${started[-1]}" # or it has ended
    sleep 0.1
done
# What the entry point of MySQL's image does with its variables and the mounted file.
administer <<SQL
CREATE USER hypercolumn@'%' IDENTIFIED BY '$(<"$work/secrets/database_password")';
ALTER USER root@localhost IDENTIFIED BY '$(<"$work/secrets/database_root_password")';
SOURCE docker/mysql/grant.sql
SQL

mkdir "$work/store"
chown 1000 "$work/store"
service() { # CONTAINER WORDS...: with what compose.yaml mounts; only the server's address differs
    images run --env DJ_HOST=127.0.0.1 --env DJ_PORT="$port" --env OMP_NUM_THREADS=1 \
        --volume "$PWD/docker/datajoint.json:/analysis/datajoint.json:ro" --volume "$work/store:/store" \
        --volume "$work/secrets/database_password:/run/secrets/datajoint/database.password:ro" \
        --volume "$work/secrets/jupyter_token:/run/secrets/jupyter_token:ro" "$1" -- "${@:2}"
}
workers=("$worker" "$(images from --pull-never hypercolumn-worker)")
service "${workers[0]}" hypercolumn migrate
service "${workers[0]}" python -c "$declare_tasks"
for worker in "${workers[@]}"; do
    background service "$worker" env DJ_CREATE_TABLES=false hypercolumn worker --once
done
for process in "${started[@]:1}"; do wait "$process"; done
[[ $(service "${workers[1]}" hypercolumn results --format json | trained) == 4 ]] || fail "not all was trained"

notebook=$(images from --pull-never hypercolumn-notebook)
[[ $(service "$notebook" id -u) == 1000 ]] || fail "the notebook's user is not 1000"
service "$notebook" test -w notebooks -a -w notebooks/first-look.ipynb -a -w work || fail "no notebook can be saved"
service "$notebook" jupyter execute notebooks/first-look.ipynb
jupyter=$(free_port)
background service "$notebook" env JUPYTER_TOKEN_FILE=/run/secrets/jupyter_token \
    jupyter lab --no-browser --ip=127.0.0.1 --port="$jupyter" >"$work/jupyter.log" 2>&1
address=http://127.0.0.1:$jupyter/api
for _ in {1..300}; do
    curl --silent --fail --output /dev/null "$address" && break
    kill -0 "${started[-1]}"
    sleep 0.2
done
printf 'Authorization: token %s' "$(<"$work/secrets/jupyter_token")" >"$work/header"
answer() { curl --silent --output /dev/null --write-out '%{http_code}' "$@" "$address/contents/notebooks"; }
[[ $(answer) == 403 ]] || fail "Jupyter shows its files without the token"
[[ $(answer --header "@$work/header") == 200 ]] || fail "Jupyter refuses its token"

step "done: both images were built and run"
