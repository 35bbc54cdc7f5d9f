"""Unchanged servers on loopback: OpenSSH, vsftpd, the rsync daemon, and one for PUT with Python's own http.server."""

import http.server
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse

from world import Failed, answers, check, free_port, until


def need(command, package):
    for folder in [*os.environ["PATH"].split(":"), "/usr/sbin", "/usr/lib/openssh"]:
        if (pathlib.Path(folder) / command).is_file():
            return str(pathlib.Path(folder) / command)
    raise Failed(f"{command} is missing: apt-get install {package}")


def ssh_key(world, name):
    world.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", world.path(name)])


def children(world, name):
    """The processes with this name that a server of ours has started."""
    found = subprocess.run(["ps", "-eo", "pid,ppid,comm"], capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    parents = {}
    for line in found:
        pid, parent, command = line.split(None, 2)
        parents[int(pid)] = (int(parent), command)
    found, ours = [], {one.pid for one in world.processes}
    for pid, (parent, command) in parents.items():
        at = parent
        while at in parents and at not in ours:
            at = parents[at][0]
        if at in ours and command.startswith(name):
            found.append(pid)
    return found


class Sshd:
    """OpenSSH with its own sftp-server. `subsystem` is the command of one more, `more` are lines of its configuration."""

    def __init__(self, world, subsystem=None, more=()):
        sshd, sftp = need("sshd", "openssh-server"), need("sftp-server", "openssh-sftp-server")
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.world, self.port = world, free_port()
        for name in ("host_key", "user_key"):
            ssh_key(world, name)
        shutil.copy(world.path("user_key.pub"), world.path("authorized_keys"))
        host = " ".join(world.path("host_key.pub").read_text().split()[:2])
        world.path("known_hosts").write_text(f"[127.0.0.1]:{self.port} {host}\n")
        config = [f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {world.path('host_key')}",
                  f"AuthorizedKeysFile {world.path('authorized_keys')}", f"PidFile {world.path('sshd.pid')}", "UsePAM no",
                  "PasswordAuthentication no", "PermitRootLogin yes", "StrictModes no", f"Subsystem sftp {sftp}", *more]
        if subsystem:
            config.append(f"Subsystem bulla-receive {subsystem}")
        world.path("sshd_config").write_text("\n".join(config) + "\n")
        self.process = world.start([sshd, "-D", "-e", "-f", world.path("sshd_config")], "sshd.log")
        until("sshd answers", lambda: self.process.poll() is not None or answers(self.port))
        check(self.process.poll() is None, f"sshd ended: {world.path('sshd.log').read_text()}")

    def counted(self):
        """From here on it is reached through what counts."""
        counter = Counter(self.port)
        known = self.world.path("known_hosts")
        known.write_text(known.read_text().replace(f":{self.port} ", f":{counter.port} "))
        self.port = counter.port
        return counter

    def url(self, folder):
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        return f"sftp://{user}@127.0.0.1:{self.port}{folder}"

    def ssh(self, *words):
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        return ["ssh", "-F", "none", "-i", self.world.path("user_key"), "-o", f"UserKnownHostsFile={self.world.path('known_hosts')}",
                "-o", "BatchMode=yes", "-p", str(self.port), f"{user}@127.0.0.1", *words]


class Vsftpd:
    """vsftpd, with anonymous uploads into a folder: it needs no account of this machine. With `tls` explicit, or implicit for ftps://."""

    def __init__(self, world, folder, tls=None):
        program = need("vsftpd", "vsftpd")
        self.port, self.implicit = free_port(), tls == "implicit"
        low = free_port()
        empty = world.path("empty")
        empty.mkdir()
        world.path("netrc").write_text("machine 127.0.0.1 login anonymous password nobody@\n")
        config = ["listen=YES", "listen_address=127.0.0.1", f"listen_port={self.port}", "background=NO", "anonymous_enable=YES",
                  "local_enable=NO", "write_enable=YES", "anon_upload_enable=YES", "anon_other_write_enable=YES",
                  "anon_mkdir_write_enable=NO", "anon_umask=022", f"anon_root={folder.parent}", f"secure_chroot_dir={empty}",
                  "anon_world_readable_only=NO", f"pasv_min_port={low}", f"pasv_max_port={min(low + 50, 65535)}", 
                  "seccomp_sandbox=NO", "ftp_username=ftp", "xferlog_enable=YES", f"vsftpd_log_file={world.path('vsftpd.xfer')}"]
        if tls:
            world.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", world.path("tls.key"), "-out",
                       world.path("tls.crt"), "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
            config += ["ssl_enable=YES", f"implicit_ssl={'YES' if self.implicit else 'NO'}", "allow_anon_ssl=YES", "force_anon_data_ssl=YES",
                       "force_anon_logins_ssl=YES", f"rsa_cert_file={world.path('tls.crt')}",
                       f"rsa_private_key_file={world.path('tls.key')}"]
        world.path("vsftpd.conf").write_text("\n".join(config) + "\n")
        self.process = world.start([program, world.path("vsftpd.conf")], "vsftpd.log")
        until("vsftpd answers", lambda: self.process.poll() is not None or answers(self.port))
        check(self.process.poll() is None, f"vsftpd ended: {world.path('vsftpd.log').read_text()}")
        shutil.chown(folder, "ftp")
        self.name, self.log = folder.name, world.path("vsftpd.xfer")

    def received(self):
        """How many bytes of envelopes, those of uploads that were cut off included."""
        return sum(int(one) for one in re.findall(r'UPLOAD: .*bulla\.part", (\d+) bytes', self.log.read_text()))

    def url(self):
        return f"{'ftps' if self.implicit else 'ftp'}://127.0.0.1:{self.port}/{self.name}"


class Rsyncd:
    """The rsync daemon, with a module for a folder."""

    def __init__(self, world, folder):
        self.world, self.port = world, free_port()
        self.program = need("rsync", "rsync")
        world.path("rsyncd.conf").write_text(
            f"use chroot = no\nport = {self.port}\naddress = 127.0.0.1\npid file = {world.path('rsyncd.pid')}\nuid = root\ngid = root\n"
            f"[drop]\npath = {folder}\nread only = no\n")
        self.process = world.start([self.program, "--daemon", "--no-detach", f"--config={world.path('rsyncd.conf')}"], "rsyncd.log")
        until("rsyncd answers", lambda: self.process.poll() is not None or answers(self.port))
        check(self.process.poll() is None, f"rsyncd ended: {world.path('rsyncd.log').read_text()}")

    def copy(self, *words):
        self.world.run([self.program, *words])

    def url(self):
        return f"rsync://127.0.0.1:{self.port}/drop/"


class Counter:
    """Passes connections on to a port of this machine, and counts the bytes that come from clients."""

    def __init__(self, port):
        self.target, self.bytes, self.connections = port, 0, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.carry, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.carry, args=(server, client, False), daemon=True).start()

    def carry(self, source, to, counted):
        try:
            while piece := source.recv(65536):
                if counted:
                    self.bytes += len(piece)
                to.sendall(piece)
        except OSError:
            pass
        for one in (source, to):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.socket.close()


class PutServer:
    """Takes PUT, GET and DELETE in a folder, and nothing else; PUT writes straight to the final name, as simple servers do. With `refer`
    it does nothing, and answers with that status and another place. `before_put` is called when a PUT comes."""

    def __init__(self, folder, refer=None, before_put=None):
        self.refer, self.asked, outer = refer, [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def file(self):
                return folder / os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))

            def end(self, code, body=b""):
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def refers(self, left=0):
                outer.asked.append(self.command)
                while outer.refer and left > 0:
                    left -= len(self.rfile.read(min(left, 65536))) or left
                if not outer.refer:
                    return False
                self.send_response(outer.refer)
                self.send_header("Location", f"http://127.0.0.1:9/elsewhere{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return True

            def do_PUT(self):
                left = int(self.headers["Content-Length"])
                if self.refers(left):
                    return
                if before_put:
                    before_put()
                with self.file().open("wb") as out:
                    while left > 0:
                        piece = self.rfile.read(min(left, 65536))
                        if not piece:
                            return
                        out.write(piece)
                        left -= len(piece)
                self.end(201)

            def do_GET(self):
                if self.refers():
                    return
                if self.file().is_file():
                    self.end(200, self.file().read_bytes())
                else:
                    self.end(404)

            def do_DELETE(self):
                if self.refers():
                    return
                try:
                    self.file().unlink()
                    self.end(204)
                except FileNotFoundError:
                    self.end(404)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/drop"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Mute:
    """Takes connections, and then says nothing, or a byte at a time after a beginning: a server behind a broken network, or a bad one."""

    def __init__(self, beginning=None):
        self.beginning, self.connections, self.open = beginning, 0, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(one)
            if self.beginning:
                threading.Thread(target=self.drip, args=(one,), daemon=True).start()

    def drip(self, one):
        try:
            one.recv(65536)
            one.sendall(self.beginning)
            while True:
                one.sendall(b"x")
                time.sleep(0.2)
        except OSError:
            pass

    def close(self):
        for one in (self.socket, *self.open):
            one.close()
