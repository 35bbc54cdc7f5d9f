"""An SMTP relay that does what it is told: the bad one between two honest servers."""

import smtplib
import socket
import socketserver
import threading


class Relay:
    """Takes mail by SMTP, and forwards to a port what the plan makes of it.

    plan(mail) gives a list of (sender, recipients, bytes) to forward at once; `mail` is such a triple. What it keeps in `self.held`
    it may forward later. Everything that passed is in `self.seen`.
    """

    def __init__(self, target):
        self.target = target
        self.seen, self.held, self.refused = [], [], []
        self.plan = lambda mail: [mail]
        relay = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                relay.converse(self.rfile, self.wfile)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Session)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def converse(self, read, write):
        def say(line):
            write.write(line.encode() + b"\r\n")

        sender, recipients = "", []
        say("220 relay")
        while True:
            line = read.readline(4096)
            word = line[:4].upper()
            if not line or word == b"QUIT":
                return
            if word in (b"EHLO", b"HELO"):
                say("250-relay")
                say("250-8BITMIME")
                say("250 SIZE")
            elif word == b"MAIL":
                sender, recipients = line.split(b"<")[1].split(b">")[0].decode(), []
                say("250 yes")
            elif word == b"RCPT":
                recipients.append(line.split(b"<")[1].split(b">")[0].decode())
                say("250 yes")
            elif word == b"DATA":
                say("354 go on")
                mail = (sender, recipients, self.data(read))
                say(self.pass_on(mail))
            else:
                say("250 whatever")

    @staticmethod
    def data(read):
        lines = []
        while True:
            line = read.readline()
            if not line or line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)

    def pass_on(self, mail):
        self.seen.append(mail)
        answer = "250 taken"
        for one in self.plan(mail):
            code, words = self.forward(one)
            # What the next server cannot take now, the one before is to keep.
            if code // 100 != 2:
                answer = f"{code} {words}"
        return answer

    def forward(self, mail, port=None):
        """Gives what the next server says: 250, 451, 550..."""
        sender, recipients, data = mail
        try:
            with smtplib.SMTP("127.0.0.1", port or self.target, "relay.test", timeout=120) as smtp:
                smtp.ehlo()
                code, words = smtp.docmd("MAIL", f"FROM:<{sender}>")
                answers = [smtp.docmd("RCPT", f"TO:<{one}>") for one in recipients] if code == 250 else [(code, words)]
                apart = [one for one, (code, _) in zip(recipients, answers) if code == 452]
                for code, words in answers:
                    if code // 100 != 2 and code != 452:
                        return code, words.decode(errors="replace").replace("\n", " ")
                code, words = smtp.docmd("DATA")
                if code == 354:
                    smtp.send(b"\r\n".join(b"." + line if line.startswith(b".") else line for line in data.split(b"\r\n")))
                    smtp.send(b".\r\n" if data.endswith(b"\r\n") else b"\r\n.\r\n")
                    code, words = smtp.getreply()
        except (OSError, smtplib.SMTPException, socket.timeout) as error:
            return 451, f"the next server is away: {error}"
        # As mail servers do: what is wanted apart goes in another transaction.
        if code // 100 == 2 and apart:
            return self.forward((sender, apart, data), port)
        if code // 100 == 5:
            self.refused.append((code, words, mail))
        return code, words.decode(errors="replace").replace("\n", " ")

    def release(self):
        """Forwards what was held, and gives the codes."""
        held, self.held[:] = list(self.held), []
        return [self.forward(mail)[0] for mail in held]
