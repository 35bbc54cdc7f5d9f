/*
 * Brings files to a folder on another machine, and knows that they arrived: sealed, signed, and confirmed by a receipt of what
 * was read again from the other disk. See README.md.
 */
#define _GNU_SOURCE
#include "outbox.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: bulla-put -i KEYFILE -r IDENTITY -c CONTEXT --outbox FILE --to URL [OPTION]... FILE...\n"
    "       bulla-put -i KEYFILE --outbox FILE --due [OPTION]...     sends again what is due, and fetches receipts\n"
    "       bulla-put --outbox FILE --report                         says what became of everything\n"
    "\n"
    "  -i, --identity KEYFILE   your key file\n"
    "  -r, --recipient IDENTITY who may read it: an identity line, or a file with one\n"
    "  -c, --context NAME       what it is for; the other side demands the same\n"
    "      --outbox FILE        remembers what awaits a receipt; it is made if it is not there\n"
    "      --to URL             the folder: sftp://, ftp://, ftps://, file://, http:// or https://\n"
    "      --receipts URL       the folder of the receipts, if it is another one\n"
    "      --now                with --due: also what is not due yet\n"
    "      --forget TIME        with --due: forget what was settled, rejected or given up longer ago than this\n"
    "      --wait TIME          how long to wait for receipts (60s; 0: only look); 90s, 15m, 12h, 3d\n"
    "      --resend TIME        what has no receipt after this long is sent again (30s)\n"
    "      --deadline TIME      what has none after this long is given up, and is not stored later (1d)\n"
    "      --anew N             seal a file anew, at most N times, that was rejected for want of room (0); not with --due\n"
    "      --progress           a line for each step also where standard error is no terminal\n"
    "      --passphrase-file FILE  the passphrase of the key file is its first line\n"
    "      --netrc FILE         names and passwords (~/.netrc)\n"
    "      --ssh-key FILE       a private key; else what the agent has\n"
    "      --known-hosts FILE   the servers' keys (~/.ssh/known_hosts); a server that is not in it is refused\n"
    "      --authorities FILE   certificates to trust for ftps and https\n"
    "      --require-tls        no plain connection: with ftp:// TLS is demanded, http:// is refused\n"
    "      --stall TIME         an upload that stands still or creeps for so long is begun again where it was (60s)\n"
    "      --rate SIZE          at most so many bytes a second: 500k, 2M\n"
    "\n"
    "Exit status: 0 all is stored on the other side, which has signed that; 1 usage, or reading or writing failed; 3 something was\n"
    "rejected; 4 a receipt is awaited still, or something was given up.\n";

struct options {
    const char *key, *passphrase_file, *recipient, *outbox;
    int due, now, report;
    uint64_t forget;
    struct sender sender;
    struct carrier_options carrier;
    struct patience patience;
};

enum {
    OUTBOX = 256, TO, RECEIPTS, WAIT, RESEND, DEADLINE, ANEW, PROGRESS, PASSPHRASE, NETRC, SSH_KEY, KNOWN_HOSTS,
    AUTHORITIES, REQUIRE_TLS, STALL, RATE, FORGET, DUE, NOW, REPORT, HELP
};

static const struct option names[] = {
    {"identity", 1, NULL, 'i'}, {"recipient", 1, NULL, 'r'}, {"context", 1, NULL, 'c'}, {"outbox", 1, NULL, OUTBOX},
    {"to", 1, NULL, TO}, {"receipts", 1, NULL, RECEIPTS}, {"wait", 1, NULL, WAIT}, {"resend", 1, NULL, RESEND},
    {"deadline", 1, NULL, DEADLINE}, {"anew", 1, NULL, ANEW}, {"progress", 0, NULL, PROGRESS},
    {"passphrase-file", 1, NULL, PASSPHRASE}, {"netrc", 1, NULL, NETRC}, {"ssh-key", 1, NULL, SSH_KEY},
    {"known-hosts", 1, NULL, KNOWN_HOSTS}, {"authorities", 1, NULL, AUTHORITIES}, {"require-tls", 0, NULL, REQUIRE_TLS},
    {"stall", 1, NULL, STALL}, {"rate", 1, NULL, RATE}, {"forget", 1, NULL, FORGET}, {"due", 0, NULL, DUE},
    {"now", 0, NULL, NOW}, {"report", 0, NULL, REPORT}, {"help", 0, NULL, HELP}, {NULL, 0, NULL, 0},
};

static int set_option(struct options *options, int option)
{
    uint64_t number = 0;
    int fine = 1;

    switch (option) {
    case 'i': options->key = optarg; break;
    case 'r': options->recipient = optarg; break;
    case 'c': options->sender.context = optarg; break;
    case OUTBOX: options->outbox = optarg; break;
    case TO: options->sender.to = optarg; break;
    case RECEIPTS: options->sender.receipts = optarg; break;
    case WAIT: fine = read_duration(optarg, &options->patience.wait); break;
    case RESEND: fine = read_duration(optarg, &options->patience.resend) && options->patience.resend > 0; break;
    case DEADLINE: fine = read_duration(optarg, &options->sender.deadline) && options->sender.deadline > 0; break;
    case ANEW:
        fine = read_size(optarg, &number) && number <= 1000;
        options->patience.anew = (unsigned)number;
        break;
    case PROGRESS: options->sender.progress = 1; break;
    case PASSPHRASE: options->passphrase_file = optarg; break;
    case NETRC: options->carrier.netrc = optarg; break;
    case SSH_KEY: options->carrier.ssh_key = optarg; break;
    case KNOWN_HOSTS: options->carrier.known_hosts = optarg; break;
    case AUTHORITIES: options->carrier.authorities = optarg; break;
    case REQUIRE_TLS: options->carrier.require_tls = 1; break;
    case STALL: fine = read_duration(optarg, &options->carrier.stall) && options->carrier.stall < 86400; break;
    case RATE: fine = read_size(optarg, &options->carrier.rate) && options->carrier.rate > 0; break;
    case FORGET: fine = read_duration(optarg, &options->forget) && options->forget > 0; break;
    case DUE: options->due = 1; break;
    case NOW: options->now = 1; break;
    case REPORT: options->report = 1; break;
    case HELP: fputs(usage, stdout); exit(EXIT_DONE);
    default: return 0;
    }
    if (!fine)
        say("%s is not a number, or has no unit that is known here", optarg);
    return fine;
}

/* What does not go with --due would be ignored, and somebody count on it. */
static const char *check_due(const struct options *options)
{
    const struct sender *sender = &options->sender;

    if (options->key == NULL)
        return "-i is missing";
    /* The outbox has what was sealed, which its sender cannot open. */
    if (options->patience.anew > 0)
        return "--anew does not go with --due: the file may be another one by now; name what was rejected once more, without --due";
    if (options->recipient != NULL || sender->context != NULL || sender->to != NULL || sender->receipts != NULL || sender->deadline > 0)
        return "-r, -c, --to, --receipts and --deadline do not go with --due: the outbox remembers what was said when it was sent";
    return NULL;
}

/* What is missing, or NULL. */
static const char *check(const struct options *options, int files)
{
    if (options->outbox == NULL)
        return "--outbox is missing";
    if (options->report && options->due)
        return "--due and --report are two things: name one";
    if (options->report || options->due)
        return files > 0 ? "--due and --report take no files" : options->due ? check_due(options) : NULL;
    if (options->now || options->forget > 0)
        return "--now and --forget belong to --due";
    if (options->key == NULL || options->recipient == NULL || options->sender.context == NULL || options->sender.to == NULL)
        return "-i, -r, -c and --to are needed";
    if (files == 0)
        return "no file is named";
    const char *wrong = carrier_refuses(options->sender.to);
    return wrong != NULL || options->sender.receipts == NULL ? wrong : carrier_refuses(options->sender.receipts);
}

static bulla_status one_recipient(void *context, const bulla_public *one, bulla_error *error)
{
    struct sender *sender = context;
    bulla_buffer *line = NULL;
    bulla_status status;

    if (sender->recipient != NULL) {
        memset(error, 0, sizeof *error);
        snprintf(error->text, sizeof error->text, "a folder belongs to one recipient: name one identity");
        return error->code = BULLA_INVALID_INPUT;
    }
    if ((status = bulla_buffer_new(&line, error)) == BULLA_OK && (status = bulla_public_line(one, line, error)) == BULLA_OK &&
        (status = bulla_buffer_append(line, (const uint8_t *)"", 1, error)) == BULLA_OK)
        status = bulla_public_parse((const char *)bulla_buffer_data(line), &sender->recipient, error);
    bulla_buffer_free(line);
    return status;
}

static bulla_status set_up(struct options *options)
{
    struct sender *sender = &options->sender;
    bulla_error error;
    bulla_status status = BULLA_OK;

    memset(&error, 0, sizeof error);
    if (options->key != NULL) {
        status = told(host_identity(options->key, options->passphrase_file, &sender->me, &error), &error, options->key);
        if (status == BULLA_OK)
            status = told(bulla_identity_public(sender->me, &sender->my_public, &error), &error, options->key);
    }
    if (status == BULLA_OK && options->recipient != NULL)
        status = told(host_identities(options->recipient, one_recipient, sender, &error), &error, options->recipient);
    if (status != BULLA_OK)
        return status;
    if ((status = options->report ? bulla_database_open_existing(options->outbox, &sender->database, &error)
                                  : bulla_database_open(options->outbox, &sender->database, &error)) == BULLA_OK)
        status = bulla_outbox_new(sender->database, NULL, &sender->outbox, &error);
    if (status != BULLA_OK)
        say_if_full(options->outbox);
    if (status != BULLA_OK || options->report)
        return told(status, &error, options->outbox);
    if (sender->receipts == NULL)
        sender->receipts = sender->to;
    if ((sender->claims = send_claims(options->outbox)) < 0)
        return say("%s-sending: it cannot be opened: %s", options->outbox, strerror(errno)), BULLA_IO;
    sender->carrier = carrier_new(&options->carrier);
    if (sender->carrier == NULL)
        say("libcurl could not be started");
    return sender->carrier != NULL ? BULLA_OK : BULLA_IO;
}

static void tear_down(struct sender *sender)
{
    carrier_free(sender->carrier);
    if (sender->claims >= 0)
        close(sender->claims);
    bulla_outbox_free(sender->outbox);
    bulla_database_free(sender->database);
    bulla_public_free(sender->recipient);
    bulla_public_free(sender->my_public);
    bulla_identity_free(sender->me);
}

static int run(struct options *options, char **files, int count)
{
    struct sender *sender = &options->sender;
    struct delivery *delivery;
    bulla_error error;
    long given_up = 0;
    int bad = 0;

    memset(&error, 0, sizeof error);
    if (options->report)
        return outbox_report(sender);
    if ((delivery = delivery_new(sender, &options->patience)) == NULL)
        return EXIT_USAGE;
    if (options->due && (outbox_tidy(sender, options->forget) != BULLA_OK || outbox_waiting(sender, delivery, options->now) != BULLA_OK))
        bad = 1;
    for (int at = 0; at < count; at++)
        bad |= told(delivery_seal(delivery, files[at], &error), &error, files[at]) != BULLA_OK;
    int result = delivery_run(delivery);
    delivery_free(delivery);
    /* Only now, when receipts were looked for. */
    if (options->due && (given_up = outbox_give_up(sender)) < 0)
        bad = 1;
    return bad ? EXIT_USAGE : result == EXIT_DONE && given_up > 0 ? EXIT_AWAITED : result;
}

int main(int argc, char **argv)
{
    struct options options;
    int option, result = EXIT_USAGE;

    host_name("bulla-put");
    memset(&options, 0, sizeof options);
    options.sender.claims = -1;
    options.patience.wait = 60;
    options.patience.resend = 30;
    while ((option = getopt_long(argc, argv, "i:r:c:", names, NULL)) != -1)
        if (!set_option(&options, option))
            return say("--help says how it is called"), EXIT_USAGE;
    const char *wrong = check(&options, argc - optind);
    if (wrong != NULL)
        return say("%s; --help says how it is called", wrong), EXIT_USAGE;
    if (options.sender.deadline == 0)
        options.sender.deadline = 86400;
    /* That a server closes a connection, or that nobody reads what is told, is no reason to end; libcurl leaves that to us. */
    signal(SIGPIPE, SIG_IGN);
    if (set_up(&options) == BULLA_OK)
        result = run(&options, argv + optind, argc - optind);
    tear_down(&options.sender);
    return result;
}
