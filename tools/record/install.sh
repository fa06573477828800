#!/bin/sh
# Install what the recorder runs: programs from Debian (12 or later), libraries from PyPI in a venv outside of the repository.
set -eu
venv=${NETDIFFUS_RECORD_VENV:-/var/tmp/netdiffus-record/venv}

# Nothing installed here may start as a service: the recorder runs its own instances inside namespaces.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    made=1
fi
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    iproute2 ethtool tcpdump tshark xz-utils openssl python3 python3-venv python3-libtorrent \
    nginx-light curl chromium ffmpeg unbound bind9-dnsutils bind9-host knot-dnsutils chrony ntpsec-ntpdig \
    openssh-server openssh-client rsync mosquitto mosquitto-clients redis-server postgresql \
    dovecot-imapd swaks aria2 opentracker nmap hydra slowhttptest vsftpd
if [ -n "$made" ]; then rm "$policy"; fi

mkdir -p "$(dirname "$venv")"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet aiohttp==3.14.5 aioquic==1.7.2 aiortc==1.16.0 aiosmtpd==1.4.6 pexpect==4.9.0 redis==8.1.0
echo "installed; now: tools/record/record.sh"
