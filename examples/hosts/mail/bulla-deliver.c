/*
 * bulla-deliver: opens a sealed mail at the mailbox. `bulla-deliver --help` is its manual.
 */
#include "delivery.h"
#include "log.h"
#include "mail.h"
#include "maildir.h"
#include "mime.h"
#include "opening.h"
#include "plain.h"
#include "receipts.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static const char HELP[] =
    "NAME\n"
    "    bulla-deliver - open a sealed mail, and store it in a Maildir\n\n"
    "SYNOPSIS\n"
    "    bulla-deliver [-c FILE] [-a RECIPIENT] [-s SENDER] MAILDIR < mail\n\n"
    "DESCRIPTION\n"
    "    For pipe(8), .forward, and the like. The mail is judged in MAILDIR/tmp; then it lies in MAILDIR/new, on the disk, read\n"
    "    again and compared, before the receipt \"stored\" is given. On top it has our Authentication-Results, and none that others\n"
    "    gave in the name of this host (domain), but for what \"results\" keeps; every other byte is as it was. A copy is not stored again, and gets the same\n"
    "    receipt. Mail that is not sealed is stored if the configuration does not refuse it. What is quarantined goes, sealed, to\n"
    "    MAILDIR/.Quarantine.\n\n"
    "    -c FILE        the configuration, as bulla-milter(8) has it; else ~/.config/bulla/mail.conf. It uses identity,\n"
    "                   passphrase_file, keys, context, domain, state, guard, submit, address, lease, max_message, refused,\n"
    "                   damaged, recipients, local_part, delimiter, plain, results, log\n"
    "    -a RECIPIENT   the recipient's address, which the author must have named: needed where several mailboxes share one\n"
    "                   identity. The receipt is then given when all of them that he named have the mail\n"
    "    -s SENDER      the envelope's sender; empty, or MAILER-DAEMON, for bounces. Else it is the environment's SENDER, in which\n"
    "                   local(8) says it to a command in .forward\n\n"
    "EXIT STATUS\n"
    "    0    stored, or dealt with before        65  not acceptable: damaged, or not sealed to this identity\n"
    "    75   not now: give it again later        77  refused: expired, of a wrong sender, rejected by the rules\n"
    "    64   the command line is wrong\n";

/* A receipt settles what is in the outbox. Gives the exit status; or -1 if what stands beside it is somebody's mail. */
static int receipt_settle(const struct delivery *delivery, const struct text *part)
{
    const struct mail *mail = delivery->mail;
    struct text receipt = {0}, nothing = {0};
    struct outcome outcome = {0};
    int alone = mime_is_alone(TYPE_RECEIPT, &mail->header, mail->body.data, mail->body.length, &receipt, &nothing);
    int result;

    receipt_take(delivery->host, part, &outcome);
    log_info("%s%s", alone > 0 ? "" : "a receipt with other content beside it: ", outcome.say);
    if (outcome.verdict == VERDICT_LATER || alone < 0)
        result = EX_TEMPFAIL;
    else if (alone == 0 && *mail->from != 0)
        result = -1;
    else
        result = outcome.verdict == VERDICT_DISCARD ? EX_OK : EX_DATAERR;
    outcome_free(&outcome);
    text_free(&receipt);
    text_free(&nothing);
    return result;
}

/* As mime_find(), but without memory NOBODY_KNOWS. It is asked for at once, for what is said on the log may change errno. */
#define NOBODY_KNOWS (-2)

static int part_find(struct text *part, const char *type, const struct mail *mail)
{
    int found;

    errno = 0;
    found = mime_find(part, type, &mail->header, mail->body.data, mail->body.length);
    return found < 0 && errno == ENOMEM ? NOBODY_KNOWS : found;
}

static int deliver(struct delivery *delivery, const struct text *raw, int has_header)
{
    struct mail *mail = delivery->mail;
    struct text part = {0};
    int result = -1, refused, found, receipt, returned;

    /* A header that was not read tells nothing. */
    if (!has_header && !mail->header.excess)
        return EX_TEMPFAIL;
    found = part_find(&part, TYPE_ENVELOPE, mail);
    if (found == NOBODY_KNOWS) {
        result = EX_TEMPFAIL;
    } else if (found == 1 && (returned = bounce_returns(delivery->host, mail, &part)) != 0) {
        result = returned < 0 ? EX_TEMPFAIL : -1;
    } else if (found == 1) {
        result = envelope_take(delivery, &part, raw);
    } else if (found < 0 || mail->header.excess) {
        log_error(found < 0 ? "the part with the envelope cannot be decoded" : "its header is too long");
        result = quarantine_or(delivery, delivery->host->config->damaged, raw, EX_DATAERR);
    } else if (delivery->host->outbox != NULL && (receipt = part_find(&part, TYPE_RECEIPT, mail)) != 0) {
        result = receipt == 1 ? receipt_settle(delivery, &part) : receipt == NOBODY_KNOWS ? EX_TEMPFAIL : -1;
    }
    text_free(&part);
    if (result >= 0)
        return result;
    refused = plain_is_refused(delivery->host, mail);
    if (refused < 0)
        return EX_TEMPFAIL;
    if (refused > 0)
        log_error("not sealed, but its author seals");
    return refused > 0 ? quarantine_or(delivery, delivery->host->config->refused, raw, EX_NOPERM)
                       : store_other(delivery, delivery->maildir, "none", raw);
}

/* local(8) puts a line "From SENDER DATE" before what it gives to a command: it belongs to a mailbox file, and to no mail. */
static void from_line_drop(struct text *raw)
{
    const char *end = raw->length > 5 && memcmp(raw->data, "From ", 5) == 0 ? memchr(raw->data, '\n', raw->length) : NULL;

    if (end != NULL) {
        raw->length -= (size_t)(end + 1 - raw->data);
        memmove(raw->data, end + 1, raw->length + 1);
    }
}

static int run(const char *configuration, const char *recipient, const char *sender, const char *maildir)
{
    struct delivery delivery = {0};
    struct mail mail = {0};
    struct text raw = {0}, part = {0};
    struct host *host = NULL;
    int result = EX_TEMPFAIL, has_header, receipt = 0;

    signal(SIGPIPE, SIG_IGN);
    umask(077);
    if (descriptor_read(0, &raw, (size_t)2 << 30) != 0) {
        log_error("standard input cannot be read: %s", strerror(errno));
    } else {
        from_line_drop(&raw);
        has_header = mail_parse(&mail, raw.data, raw.length) == 0;
        receipt = has_header ? part_find(&part, TYPE_RECEIPT, &mail) : 0;
        mail.from = strdup(sender);
        /* Never 78 once there is a mail: a mistake in the configuration must not bounce it. And what may be a receipt is not stored as a
         * mail. */
        if (receipt != NOBODY_KNOWS)
            host = host_new(configuration, HOST_GUARD | (receipt == 1 ? HOST_OUTBOX : 0));
    }
    if (host != NULL && mail.from != NULL) {
        log_begin("bulla-deliver", strcmp(host->config->log, "stderr") != 0);
        delivery.host = host;
        delivery.mail = &mail;
        delivery.maildir = maildir;
        delivery.recipient = recipient;
        if (maildir_make(maildir) == 0) {
            maildir_sweep(maildir);
            result = deliver(&delivery, &raw, has_header);
        }
    }
    host_put(host);
    mail_free(&mail);
    text_free(&raw);
    text_free(&part);
    text_free(&delivery.receipt_to);
    text_free(&delivery.reader);
    addressees_free(&delivery.addressees);
    return result;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"recipient", required_argument, NULL, 'a'},
        {"sender", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *recipient = NULL, *sender = getenv("SENDER"), *home = getenv("HOME"), *given = NULL;
    struct text usual = {0};
    int option, result;

    while ((option = getopt_long(argc, argv, "c:a:s:h", options, NULL)) != -1) {
        switch (option) {
        case 'c': given = optarg; break;
        case 'a': recipient = optarg; break;
        case 's': sender = optarg; break;
        case 'h': return fputs(HELP, stdout) < 0 ? EX_IOERR : EX_OK;
        default: return EX_USAGE;
        }
    }
    if (optind + 1 != argc) {
        fputs("bulla-deliver: see bulla-deliver --help\n", stderr);
        return EX_USAGE;
    }
    /* local(8) says it in the environment; a bounce has none, or the name that stands for none. */
    if (sender == NULL || strcasecmp(sender, "MAILER-DAEMON") == 0)
        sender = "";
    text_format(&usual, "%s/.config/bulla/mail.conf", home == NULL ? "" : home);
    result = usual.failed ? EX_TEMPFAIL : run(given != NULL ? given : usual.data, recipient, sender, argv[optind]);
    text_free(&usual);
    return result;
}
