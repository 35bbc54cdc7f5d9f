/*
 * bulla-deliver: opens a sealed mail at the mailbox. `bulla-deliver --help` is its manual.
 */
#include "host.h"
#include "log.h"
#include "mail.h"
#include "maildir.h"
#include "mime.h"
#include "opening.h"
#include "receipts.h"
#include "results.h"
#include "submit.h"

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
    "    gave in the name of this host (domain); every other byte is as it was. A copy is not stored again, and gets the same\n"
    "    receipt. Mail that is not sealed is stored if the configuration does not refuse it. What is quarantined goes, sealed, to\n"
    "    MAILDIR/.Quarantine.\n\n"
    "    -c FILE        the configuration, as bulla-milter(8) has it; else ~/.config/bulla/mail.conf. It uses identity,\n"
    "                   passphrase_file, keys, context, domain, state, guard, submit, address, lease, max_message, refused,\n"
    "                   damaged, plain, log\n"
    "    -a RECIPIENT   the recipient's address: needed where several recipients share one identity\n"
    "    -s SENDER      the envelope's sender; empty for bounces, for which pipe(8) says MAILER-DAEMON unless its service has\n"
    "                   null_sender= (without a value)\n\n"
    "EXIT STATUS\n"
    "    0    stored, or dealt with before        65  not acceptable: damaged, or not sealed to this identity\n"
    "    75   not now: give it again later        77  refused: expired, of a wrong sender, rejected by the rules\n"
    "    64   the command line is wrong\n";

/* What the judge needs, and what is learnt of the mail before it is stored. */
struct delivery {
    const struct host *host;
    struct mail *mail;
    const char *maildir, *recipient;
    struct text receipt_to;
    int undecided; /* something failed here, while what is stored was looked at: a rejection is final, so there must be none */
};

/* Asked once the stamp is verified, and before anything is written: may this signer write as this author? */
static uint16_t judge(void *context, const bulla_stamp *stamp, char *words)
{
    struct delivery *delivery = context;
    struct text author = {0};
    bulla_key signer;
    uint16_t reason = 0;

    attribute_text(&author, stamp, ATTRIBUTE_FROM);
    if (author.failed || bulla_stamp_signer(stamp, &signer, NULL) != BULLA_OK) {
        log_error("it cannot be judged now: no memory");
        reason = BULLA_JUDGE_LATER;
    } else if (author_is(delivery->host, author.data, &signer) < 0) {
        reason = BULLA_REASON_POLICY;
        snprintf(words, BULLA_REASON_TEXT, "the signer is not the author that From names");
    }
    text_free(&author);
    return reason;
}

static int receipt_send(struct delivery *delivery, const bulla_answer *answer)
{
    bulla_view receipt = bulla_answer_receipt(answer);
    struct text mail = {0};
    int result;

    if (receipt.length == 0 || delivery->receipt_to.length == 0 || delivery->host->config->submit == NULL)
        return 0;
    if (!address_is_plain(delivery->receipt_to.data)) {
        log_error("a receipt is asked for to what is no address: there is none");
        return 0;
    }
    receipt_mail_write(&mail, delivery->host->config, delivery->receipt_to.data, receipt.data, receipt.length,
                       bulla_answer_outcome(answer) == BULLA_OUTCOME_REJECTED);
    result = submit(delivery->host->config, "", delivery->receipt_to.data, &mail);
    text_free(&mail);
    return result;
}

/* Looks at what is stored, still in MAILDIR/tmp: is the author in the mail the one who was judged, and does the outer header say the
 * same? If so, `final` receives the mail as its reader gets it. */
static int content_is_fine(struct delivery *delivery, const bulla_lease *lease, struct text *final)
{
    const struct config *config = delivery->host->config;
    bulla_view view = bulla_lease_path(lease);
    struct text path = {0}, file = {0}, author = {0}, differing = {0}, results = {0};
    struct header inner = {0};
    bulla_key signer;
    char *from = NULL;
    int fine = 0, known;

    text_add(&path, view.data, view.length);
    if (path.failed || file_read(path.data, &file, config->max_message) != 0 ||
        bulla_stamp_signer(bulla_lease_stamp(lease), &signer, NULL) != BULLA_OK) {
        delivery->undecided = 1;
    } else if (header_parse(&inner, file.data, file.length) >= 0) {
        from = header_value(&inner, "From");
        address_first(&author, from == NULL ? "" : from);
        headers_differ(&differing, &delivery->mail->header, &inner);
        known = author_is(delivery->host, author.failed ? "" : author.data, &signer);
        fine = header_count(&inner, "From") <= 1 && known >= 0;
        results_opened(&results, config->domain, author.failed ? "" : author.data, known, &signer, differing.data);
        results_put(final, &file, config->domain, &results);
        delivery->undecided = author.failed || differing.failed || results.failed || final->failed;
        log_info("%s, from %s%s%s%s", fine ? "opened" : "refused", author.data == NULL ? "" : author.data,
                 known == 0 ? ", who is not in the key table" : "", differing.length > 0 ? "; the outer header differs in " : "",
                 differing.data == NULL ? "" : differing.data);
    } else {
        delivery->undecided = inner.failed;
    }
    free(from);
    header_free(&inner);
    text_free(&path);
    text_free(&file);
    text_free(&author);
    text_free(&differing);
    text_free(&results);
    return fine;
}

/* Stores what came with results of ours: "none", or "fail" for what is quarantined. */
static int store_other(const struct delivery *delivery, const char *folder, const char *method_result, const struct text *raw)
{
    const char *domain = delivery->host->config->domain;
    struct text results = {0}, mail = {0};
    int result;

    results_other(&results, domain, method_result);
    results_put(&mail, raw, domain, &results);
    result = !mail.failed && maildir_store(folder, &mail) == 0 ? EX_OK : EX_TEMPFAIL;
    text_free(&results);
    text_free(&mail);
    return result;
}

static int quarantine_or(struct delivery *delivery, enum action action, const struct text *raw, int otherwise)
{
    struct text folder = {0};
    int result = otherwise;

    if (action == ACTION_QUARANTINE) {
        text_format(&folder, "%s/.Quarantine", delivery->maildir);
        result = folder.failed ? EX_TEMPFAIL : store_other(delivery, folder.data, "fail reason=\"quarantined\"", raw);
    }
    text_free(&folder);
    return result;
}

/* The mail lies in MAILDIR/new, and then the message is committed; what was judged is no longer needed. */
static bulla_status accept(const struct delivery *delivery, bulla_lease *lease, const struct text *final, bulla_answer **answer,
                           bulla_error *error)
{
    bulla_view view = bulla_lease_path(lease);
    struct text path = {0};
    const char *name;
    bulla_status status = BULLA_IO;

    text_add(&path, view.data, view.length);
    name = path.failed ? NULL : strrchr(path.data, '/');
    if (name == NULL || maildir_place(delivery->maildir, name + 1, final) != 0)
        snprintf(error->text, sizeof error->text, "the mail is judged, but cannot be stored");
    else if ((status = bulla_receipter_accept(delivery->host->receipter, lease, answer, error)) == BULLA_OK)
        unlink(path.data);
    text_free(&path);
    return status;
}

/* What came of storing: an answer to send, or a failure. */
static int conclude(struct delivery *delivery, bulla_status status, bulla_lease *lease, bulla_answer **answer, const struct text *raw,
                    bulla_error *error)
{
    const struct config *config = delivery->host->config;
    bulla_receipter *receipter = delivery->host->receipter;
    struct text final = {0};
    int fine = status == BULLA_OK && content_is_fine(delivery, lease, &final);

    if (delivery->undecided) {
        text_free(&final);
        log_error("it cannot be judged now: no memory, or the disk fails");
        return EX_TEMPFAIL; /* the lease is released */
    }
    if (fine)
        status = accept(delivery, lease, &final, answer, error);
    else if (status == BULLA_OK)
        status = bulla_receipter_reject(receipter, lease, BULLA_REASON_POLICY, "it is no mail of the author who signed it", answer, error);
    else if (status == BULLA_TOO_LARGE)
        status = bulla_receipter_reject(receipter, lease, BULLA_REASON_TOO_LARGE, "too large", answer, error);
    else if (status == BULLA_REFUSED)
        status = bulla_receipter_reject(receipter, lease, 0, NULL, answer, error);
    text_free(&final);
    if (status == BULLA_OK || status == BULLA_AGAIN) {
        int rejected = bulla_answer_outcome(*answer) == BULLA_OUTCOME_REJECTED;

        log_info("%s%s", rejected ? "rejected" : "stored", status == BULLA_AGAIN ? " before: a copy" : "");
        /* The mail server gives it again, and then the guard has the same receipt. */
        if (receipt_send(delivery, *answer) != 0)
            return EX_TEMPFAIL;
        return rejected ? EX_NOPERM : EX_OK;
    }
    log_error("%s: %s", bulla_status_name(status), status > 100 ? bulla_status_text(status) : error->text);
    if (bulla_status_class(status) == BULLA_CLASS_NOT_ACCEPTABLE)
        return quarantine_or(delivery, config->damaged, raw, EX_DATAERR);
    if (bulla_status_class(status) == BULLA_CLASS_REFUSED)
        return quarantine_or(delivery, config->refused, raw, EX_NOPERM);
    return EX_TEMPFAIL;
}

static int store_envelope(struct delivery *delivery, const struct text *envelope, const struct text *raw)
{
    const struct host *host = delivery->host;
    struct text folder = {0};
    bulla_opener *opener = NULL;
    bulla_store *store = NULL;
    bulla_store_stream *stream = NULL;
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    bulla_error error = {0};
    bulla_status status;
    int result;

    text_format(&folder, "%s/tmp", delivery->maildir);
    if (folder.failed)
        return EX_TEMPFAIL;
    if ((status = host_opener(host, delivery->recipient, &opener, &error)) == BULLA_OK &&
        (status = bulla_store_new(opener, host->config->lease, &store, &error)) == BULLA_OK &&
        (status = bulla_store_max_content(store, host->config->max_message, &error)) == BULLA_OK &&
        (status = bulla_store_judge(store, judge, delivery, NULL, &error)) == BULLA_OK &&
        (status = bulla_store_stream_new(store, BULLA_TARGET_BY_ID, folder.data, &stream, &error)) == BULLA_OK)
        status = bulla_store_stream_update(stream, (const uint8_t *)envelope->data, envelope->length, &error);
    if (status == BULLA_OK || status == BULLA_MORE)
        status = bulla_store_stream_finish(stream, &lease, &answer, &error);
    /* Of what is new the lease tells where receipts go; of a copy the answer. */
    if (lease != NULL)
        attribute_text(&delivery->receipt_to, bulla_lease_stamp(lease), ATTRIBUTE_RECEIPT);
    else if (answer != NULL)
        attribute_text(&delivery->receipt_to, bulla_answer_stamp(answer), ATTRIBUTE_RECEIPT);
    result = conclude(delivery, status, lease, &answer, raw, &error);
    bulla_answer_free(answer);
    bulla_lease_free(lease);
    bulla_store_stream_free(stream);
    bulla_store_free(store);
    bulla_opener_free(opener);
    text_free(&folder);
    return result;
}

static int deliver(struct delivery *delivery, const struct text *raw, int has_header)
{
    struct mail *mail = delivery->mail;
    struct text part = {0};
    struct outcome outcome = {0};
    int result, found;

    errno = 0;
    found = has_header ? mime_find(&part, TYPE_ENVELOPE, &mail->header, mail->body.data, mail->body.length) : 0;
    if (found == 1) {
        result = store_envelope(delivery, &part, raw);
    } else if (found < 0) {
        log_error("the part with the envelope cannot be decoded");
        result = errno == ENOMEM ? EX_TEMPFAIL : quarantine_or(delivery, delivery->host->config->damaged, raw, EX_DATAERR);
    } else if (delivery->host->outbox != NULL && mime_find(&part, TYPE_RECEIPT, &mail->header, mail->body.data, mail->body.length) == 1) {
        receipt_take(delivery->host, &part, &outcome);
        log_info("%s", outcome.say);
        result = outcome.verdict == VERDICT_DISCARD ? EX_OK : outcome.verdict == VERDICT_REJECT ? EX_DATAERR : EX_TEMPFAIL;
    } else if (plain_is_refused(delivery->host, mail)) {
        log_error("not sealed, but its author seals");
        result = quarantine_or(delivery, delivery->host->config->refused, raw, EX_NOPERM);
    } else {
        result = store_other(delivery, delivery->maildir, "none", raw);
    }
    outcome_free(&outcome);
    text_free(&part);
    return result;
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
        receipt = has_header && mime_find(&part, TYPE_RECEIPT, &mail.header, mail.body.data, mail.body.length) == 1;
        mail.from = strdup(sender);
        /* Never 78 once there is a mail: a mistake in the configuration must not bounce it. */
        host = host_new(configuration, HOST_GUARD | (receipt ? HOST_OUTBOX : 0));
    }
    if (host != NULL && mail.from != NULL) {
        log_begin("bulla-deliver", strcmp(host->config->log, "stderr") != 0);
        delivery.host = host;
        delivery.mail = &mail;
        delivery.maildir = maildir;
        delivery.recipient = recipient;
        if (maildir_make(maildir) == 0)
            result = deliver(&delivery, &raw, has_header);
    }
    host_put(host);
    mail_free(&mail);
    text_free(&raw);
    text_free(&part);
    text_free(&delivery.receipt_to);
    return result;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"recipient", required_argument, NULL, 'a'},
        {"sender", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *recipient = NULL, *sender = "", *home = getenv("HOME"), *given = NULL;
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
    text_format(&usual, "%s/.config/bulla/mail.conf", home == NULL ? "" : home);
    result = usual.failed ? EX_TEMPFAIL : run(given != NULL ? given : usual.data, recipient, sender, argv[optind]);
    text_free(&usual);
    return result;
}
