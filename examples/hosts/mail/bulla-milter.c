/*
 * bulla-milter: seals mail, and opens it, beside a mail server. `bulla-milter --help` is its manual.
 */
#include "check.h"
#include "due.h"
#include "host.h"
#include "log.h"
#include "milter.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

static const char HELP[] =
    "NAME\n"
    "    bulla-milter - seal mail from end to end, and open it, beside a mail server\n\n"
    "SYNOPSIS\n"
    "    bulla-milter [-c FILE] [--role seal|open] [--socket SOCKET]\n"
    "    bulla-milter [-c FILE] --due | --report [--all] | --confirm ADDRESS\n"
    "    bulla-milter [-c FILE] --proof ID [--from ADDRESS] [--to ADDRESS]\n"
    "    bulla-milter [-c FILE] [--role seal|open] [--socket SOCKET] --check\n\n"
    "DESCRIPTION\n"
    "    Without a command it is a milter, in the foreground. In the role seal the whole mail becomes the content of an\n"
    "    envelope to all recipients of the key table. In the role open the envelope is opened, and the mail is as it was.\n"
    "    --role and --socket stand for those of the configuration, so that one file serves both roles.\n"
    "    SIGHUP makes it read configuration and keys again (but not role, socket and control; with another state, guard or user the\n"
    "    old one stays in use); SIGTERM ends it.\n\n"
    "    --due       sends receipts and mails that are due, tells authors what failed; for cron, every few minutes\n"
    "    --report    what has no receipt; with --all everything. Exit status 1 if something failed for good\n"
    "    --proof     writes the proof that the mail with this Message-ID was receipted, or rejected, for third parties: it is\n"
    "                checked with bulla evidence check, and no key. --to: by whose key, if there are several. If several\n"
    "                messages have this Message-ID it lists them, and proves nothing until --from says whose is meant, or\n"
    "                ID is the number in the list\n"
    "    --confirm   for the queue of the mail server: the mail of this address is in it\n"
    "    --check     reads the configuration, the keys and the state, looks at sockets and commands, and says what is wrong\n"
    "    -c FILE     the configuration; else /etc/bulla/mail.conf\n"
    "    --version   the versions of this program's library\n\n";

static const char HELP_CONFIGURATION[] =
    "CONFIGURATION\n"
    "    Lines \"name = value\"; times as 90s, 5m, 1h, 7d. What must be given is marked with *.\n\n"
    "    role              seal or open *\n"
    "    socket            where the mail server finds it *: unix:PATH, open to the owner and the group of its folder (a folder\n"
    "                      with the bit 2000), or inet:8891@127.0.0.1, open to every user of the machine\n"
    "    control           open: the path of the socket on which --confirm asks *\n"
    "    user              whom to become: it does not work as root\n"
    "    identity          the key file of this host (bulla keygen) *\n"
    "    passphrase_file   holds its passphrase in the first line\n"
    "    keys              the key table *: lines of an address or @domain, and an identity line, the path of a file\n"
    "                      with one, or \"clear\": mail to there is not sealed. Who is not in the table gets no mail.\n"
    "                      The key of @domain signs for each address there; after an address with a key \"alone\" forbids that\n"
    "    domain            the name of this host in Authentication-Results *\n"
    "    state             the folder for guard, outbox and what is under way *\n"
    "    guard             file, or the URL of a Redis server that several hosts share (file)\n"
    "    submit            how its own mail is sent: smtp:HOST:PORT, or a command such as /usr/sbin/sendmail\n"
    "    address           the From address of receipts and notices\n"
    "    context           the same at both ends (smtp)\n"
    "    subject           what relays see instead of the subject (Sealed message)\n"
    "    receipts          none, delivered or stored (delivered)\n"
    "    receipts_to       where receipts go (to the envelope's sender)\n"
    "    expires           how long a sealed mail is good (7d)\n"
    "    deadline          when its author is told that no receipt came; not after expires (5d)\n"
    "    resend_first      the first wait before it is sent again (1h); doubled up to\n"
    "    resend_longest    (12h)\n"
    "    keep              how long the outbox remembers what is settled (30d)\n"
    "    lease             open: how long the queue may take to confirm (5m)\n"
    "    confirm           open: the domain by which it does (bulla-confirm.invalid)\n"
    "    skew              how far the clocks of two hosts may differ (2m)\n"
    "    max_message       header and body (50M)\n"
    "    mixed             seal: recipients not all of whom have keys. refuse: nobody gets the mail (if some have no line), or the\n"
    "                      client is to send it separately; split: whoever has no line is refused alone, and those in clear\n"
    "                      hear 452, for another transaction: where the mail server's own queue is the client (refuse)\n";

static const char HELP_OPENING[] =
    "    leave             open: addresses and @domains whose mail stays sealed, for bulla-deliver\n"
    "    copies            what is done with a copy of what was delivered: discard, reject or quarantine (discard);\n"
    "                      the same receipt is sent again\n"
    "    refused           authentic, but expired, of a wrong sender...: reject or quarantine (reject)\n"
    "    damaged           not authentic: reject or quarantine (reject)\n"
    "    differing         the outer From, To, Date or Message-ID is not the inner one: accept, reject, quarantine (accept)\n"
    "    recipients        the mail goes to an address that its author did not name: reject, quarantine, accept (reject)\n"
    "    local_part        no-case, or case if Bob@ and bob@ are two people here (no-case)\n"
    "    delimiter         characters that begin what does not count in a local part, such as + (none); in keys and leave an\n"
    "                      address counts as it is written first\n"
    "    plain             mail that is not sealed: accept, refuse-known (if its author is in the key table), refuse\n"
    "                      (refuse-known)\n"
    "    results           open: which Authentication-Results in our name (domain), given before us, stay: none; others, where\n"
    "                      milters before this one give results of other methods, and remove those of strangers; all,\n"
    "                      for bulla-deliver behind a server whose milter has this name, too (none)\n"
    "    log               syslog or stderr (syslog)\n\n"
    "EXIT STATUS\n"
    "    0, or as in sysexits.h; 75 means: try again later.\n";

enum command { SERVE, DUE, REPORT, PROOF, CONFIRM, CHECK };

/* What a command is about. */
struct about { int everything; struct asked asked; const char *role, *socket; };

static int check(const struct host *host, const char *configuration, const struct about *about)
{
    int whole = (about->role != NULL || host->config->role != ROLE_NONE) && (about->socket != NULL || host->config->socket != NULL);

    if (config_check(host->config, configuration, about->role, about->socket) != 0)
        return EX_CONFIG;
    puts(whole ? "all is well" : "all is well; --role and --socket must be given to the milter, for they are not in the configuration");
    return 0;
}

static int with_host(const char *configuration, enum command command, const struct about *about)
{
    struct config *config = config_read(configuration);
    struct host *host;
    int result;

    /* What it writes is to be the milter's, who is not root. */
    if (config == NULL || user_become(config->user) != 0) {
        config_free(config);
        return EX_CONFIG;
    }
    config_free(config);
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    host = host_new(configuration, command == CHECK ? HOST_GUARD | HOST_OUTBOX : HOST_OUTBOX);
    if (host == NULL)
        return EX_TEMPFAIL;
    if (command == DUE)
        log_begin("bulla-milter", strcmp(host->config->log, "stderr") != 0);
    switch (command) {
    case DUE: result = due_run(host); break;
    case REPORT: result = report(host, about->everything); break;
    case PROOF: result = proof(host, &about->asked); break;
    default: result = check(host, configuration, about);
    }
    host_put(host);
    return result < 0 ? EX_TEMPFAIL : result;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"role", required_argument, NULL, 'r'},
        {"socket", required_argument, NULL, 's'},
        {"due", no_argument, NULL, 'd'}, {"report", no_argument, NULL, 'p'}, {"all", no_argument, NULL, 'a'},
        {"proof", required_argument, NULL, 'f'}, {"from", required_argument, NULL, 'm'}, {"to", required_argument, NULL, 't'},
        {"confirm", required_argument, NULL, 'o'}, {"check", no_argument, NULL, 'k'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'}, {NULL, 0, NULL, 0}};
    const char *configuration = "/etc/bulla/mail.conf", *address = NULL;
    enum command command = SERVE;
    struct about about = {0};
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c': configuration = optarg; break;
        case 'r': about.role = optarg; break;
        case 's': about.socket = optarg; break;
        case 'd': command = DUE; break;
        case 'p': command = REPORT; break;
        case 'a': about.everything = 1; break;
        case 'f': command = PROOF, about.asked.id = optarg; break;
        case 'm': about.asked.from = optarg; break;
        case 't': about.asked.to = optarg; break;
        case 'o': command = CONFIRM, address = optarg; break;
        case 'k': command = CHECK; break;
        case 'h': return fputs(HELP, stdout) < 0 || fputs(HELP_CONFIGURATION, stdout) < 0 || fputs(HELP_OPENING, stdout) < 0 ? EX_IOERR : EX_OK;
        case 'v': return printf("bulla-milter, libbulla %s\n", bulla_version()) < 0 ? EX_IOERR : EX_OK;
        default: return EX_USAGE;
        }
    }
    if (optind != argc || (about.role != NULL && strcmp(about.role, "seal") != 0 && strcmp(about.role, "open") != 0)) {
        fputs("bulla-milter: see bulla-milter --help\n", stderr);
        return EX_USAGE;
    }
    if (command == CONFIRM)
        return milter_confirm(configuration, address);
    return command == SERVE ? milter_run(configuration, about.role, about.socket) : with_host(configuration, command, &about);
}
