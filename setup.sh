#!/usr/bin/env bash
# Makes .venv with everything pinned in requirements.lock. On Debian, as root, missing system packages are installed.
set -euo pipefail
cd "$(dirname "$0")"

need() { # need COMMAND PACKAGE: the command answers, or its Debian package is installed
    if ! sh -c "$1" >/dev/null 2>&1; then
        echo "安装系统软件包 $2 …" >&2
        if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
            echo "缺少 $2，请先以管理员身份安装后重试（例如 apt-get install $2）。" >&2
            exit 1
        fi
        [ -n "${apt_ready:-}" ] || { apt-get update -qq >&2; apt_ready=1; }
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >&2
    fi
}

python=${PYTHON:-python3}
need "command -v $python" python3
need "$python -c 'import ensurepip, venv'" python3-venv
need "command -v openssl" openssl
# The faces of printed forms, Song and Hei: Arphic Public Licence and GPL with the font exception. All but PDFs does
# without them.
for face in arphic-gbsn00lp/gbsn00lp.ttf:fonts-arphic-gbsn00lp wqy/wqy-zenhei.ttc:fonts-wqy-zenhei; do
    (need "test -f /usr/share/fonts/truetype/${face%%:*}" "${face##*:}") || echo "没有字体 ${face##*:}，暂不能打印 PDF。" >&2
done
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "需要 Python 3.11 或更高版本，当前为 $("$python" --version)。请用 PYTHON=python3.11 make setup 指定。" >&2
    exit 1
fi

stamp=.venv/installed
wanted=$(cat requirements.lock pyproject.toml | sha256sum)
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
echo "$wanted" >"$stamp"
echo "已就绪：.venv/bin/wgg" >&2
