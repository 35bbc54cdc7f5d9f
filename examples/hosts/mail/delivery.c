#include "delivery.h"

#include "log.h"
#include "maildir.h"
#include "opening.h"
#include "results.h"
#include "stored.h"
#include "submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define QUARANTINED "fail reason=\"quarantined\""

/* Asked once the stamp is verified, and before anything is written: may this signer write as this author? */
static uint16_t judge(void *context, const bulla_stamp *stamp, char *words)
{
    struct delivery *delivery = context;
    struct text author = {0};
    bulla_key signer;
    uint16_t reason = 0;

    attribute_text(&author, stamp, ATTRIBUTE_FROM);
    if (addressees_fit(&delivery->addressees, stamp) == 0) {
        delivery->misaddressed = 1;
        reason = BULLA_JUDGE_LATER;
    } else if (author.failed || bulla_stamp_signer(stamp, &signer, NULL) != BULLA_OK) {
        delivery->undecided = 1;
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
    if (result > 0)
        log_error("the receipt is refused for good: there is none");
    return result < 0 ? -1 : 0;
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
    } else if ((known = addressees_are_of(&delivery->addressees, bulla_lease_stamp(lease), (const uint8_t *)file.data, file.length)) <= 0) {
        delivery->undecided = known < 0;
        delivery->misaddressed = known == 0;
    } else if (header_parse(&inner, file.data, file.length) >= 0) {
        from = header_value(&inner, "From");
        address_first(&author, from == NULL ? "" : from);
        headers_differ(&differing, &delivery->mail->header, &inner);
        known = authors_are(delivery->host, &inner, &signer);
        /* Whoever changed it on the way must not make us reject the message for good. */
        delivery->differing = differing.length > 0 && config->differing != ACTION_ACCEPT;
        fine = known >= 0;
        results_opened(&results, config->domain, author.failed ? "" : author.data, known, &signer, differing.data);
        results_put(final, &file, config->domain, KEPT_NONE, &results); /* what is inside its author wrote */
        delivery->undecided = known == AUTHORS_UNKNOWN || author.failed || differing.failed || results.failed || final->failed;
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

/* What came, with results of ours. */
static void other_write(struct text *mail, const struct host *host, const char *method_result, const struct text *raw)
{
    enum kept kept = host->config->results;
    struct text results = {0};

    results_other(&results, host->config->domain, method_result);
    /* What the server's milter said of a mail that is not sealed holds; of one that is set aside it does not. */
    results_put(mail, raw, host->config->domain, kept == KEPT_ALL && strcmp(method_result, "none") != 0 ? KEPT_OTHERS : kept, &results);
    text_free(&results);
}

int store_other(const struct delivery *delivery, const char *folder, const char *method_result, const struct text *raw)
{
    struct text mail = {0};
    int result;

    other_write(&mail, delivery->host, method_result, raw);
    result = !mail.failed && maildir_store(folder, &mail) == 0 ? EX_OK : EX_TEMPFAIL;
    text_free(&mail);
    return result;
}

static void quarantine_find(struct text *folder, const struct delivery *delivery)
{
    text_format(folder, "%s/.Quarantine", delivery->maildir);
    if (!folder->failed)
        maildir_sweep(folder->data);
}

int quarantine_or(struct delivery *delivery, enum action action, const struct text *raw, int otherwise)
{
    struct text folder = {0};
    int result = otherwise;

    if (action == ACTION_QUARANTINE) {
        quarantine_find(&folder, delivery);
        result = folder.failed ? EX_TEMPFAIL : store_other(delivery, folder.data, QUARANTINED, raw);
    }
    text_free(&folder);
    return result;
}

/* Whether this mailbox is all that the key stands for: only then is its receipt given with it. */
static int is_whole(const struct delivery *delivery)
{
    return delivery->reader.length == 0 || (delivery->named && delivery->addressees.count == 1);
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
    else if ((status = is_whole(delivery) ? bulla_receipter_accept(delivery->host->receipter, lease, answer, error)
                                          : bulla_lease_accept_unanswered(lease, answer, error)) == BULLA_OK) {
        maildir_placed(delivery->maildir, name + 1);
        unlink(path.data);
    }
    text_free(&path);
    return status;
}

/* What is rejected for good comes again as a copy, of which nothing is set aside: so that is done before. */
static bulla_status reject(const struct delivery *delivery, bulla_lease *lease, uint16_t reason, const char *words, const struct text *raw,
                           bulla_answer **answer, bulla_error *error)
{
    int aside = delivery->host->config->refused == ACTION_QUARANTINE;
    struct text folder = {0}, name = {0}, mail = {0};
    bulla_message_id id;
    bulla_status status = BULLA_OK;

    if (aside && (status = bulla_stamp_message_id(bulla_lease_stamp(lease), &id, error)) == BULLA_OK) {
        hex_write(&name, id.bytes, sizeof id.bytes);
        quarantine_find(&folder, delivery);
        other_write(&mail, delivery->host, QUARANTINED, raw);
        if (folder.failed || name.failed || maildir_make(folder.data) != 0 || maildir_place(folder.data, name.data, &mail) != 0) {
            snprintf(error->text, sizeof error->text, "the mail is rejected, but cannot be set aside");
            status = BULLA_IO;
        }
    }
    if (status == BULLA_OK)
        status = bulla_receipter_reject(delivery->host->receipter, lease, reason, words, answer, error);
    if (aside && status == BULLA_OK)
        maildir_placed(folder.data, name.data);
    text_free(&folder);
    text_free(&name);
    text_free(&mail);
    return status;
}

/* What came of storing: an answer to send, or a failure. */
static int conclude(struct delivery *delivery, bulla_status status, bulla_lease *lease, bulla_answer **answer, const struct text *raw,
                    bulla_error *error)
{
    const struct config *config = delivery->host->config;
    struct text final = {0};
    int fine = status == BULLA_OK && content_is_fine(delivery, lease, &final);

    /* Of what is new the judge has seen it; a copy brings a list, too, and not always its own. */
    if (status == BULLA_AGAIN) {
        int fit = addressees_fit(&delivery->addressees, bulla_answer_stamp(*answer));

        delivery->undecided |= fit < 0;
        delivery->misaddressed |= fit == 0;
    }
    if (delivery->misaddressed) {
        text_free(&final);
        log_error("the list of addressees is another mail's");
        return quarantine_or(delivery, config->recipients, raw, EX_NOPERM); /* the lease is released: a stranger may have put it there */
    }
    if (fine && delivery->differing) {
        text_free(&final);
        return quarantine_or(delivery, config->differing, raw, EX_NOPERM); /* the lease is released */
    }
    if (delivery->undecided) {
        text_free(&final);
        log_error("it cannot be judged now: no memory, or the disk fails");
        return EX_TEMPFAIL; /* the lease is released */
    }
    if (fine)
        status = accept(delivery, lease, &final, answer, error);
    else if (status == BULLA_OK)
        status = reject(delivery, lease, BULLA_REASON_POLICY, "it is no mail of the author who signed it", raw, answer, error);
    else if (status == BULLA_TOO_LARGE)
        status = reject(delivery, lease, BULLA_REASON_TOO_LARGE, "too large", raw, answer, error);
    else if (status == BULLA_REFUSED)
        status = reject(delivery, lease, 0, NULL, raw, answer, error);
    text_free(&final);
    if (status == BULLA_OK || status == BULLA_AGAIN) {
        int rejected = bulla_answer_outcome(*answer) == BULLA_OUTCOME_REJECTED;

        log_info("%s%s", rejected ? "rejected" : "stored", status == BULLA_AGAIN ? " before: a copy" : "");
        /* The mail server gives it again, and then the guard has the same receipt. */
        if (receipt_send(delivery, *answer) != 0)
            return EX_TEMPFAIL;
        return rejected && config->refused != ACTION_QUARANTINE ? EX_NOPERM : EX_OK;
    }
    log_error("%s: %s", bulla_status_name(status), status > 100 ? bulla_status_text(status) : error->text);
    if (bulla_status_class(status) == BULLA_CLASS_NOT_ACCEPTABLE)
        return quarantine_or(delivery, config->damaged, raw, EX_DATAERR);
    if (bulla_status_class(status) == BULLA_CLASS_REFUSED)
        return quarantine_or(delivery, config->refused, raw, EX_NOPERM);
    return EX_TEMPFAIL;
}

/* He has it: do all of the key's addressees? Then there is a receipt. */
static int receipt_of_all(struct delivery *delivery, const struct text *envelope, const char *folder)
{
    bulla_answer *answer = NULL;
    bulla_error error = {0};
    bulla_status status = whole_stored(delivery->host, &delivery->addressees, delivery->reader.data, envelope, folder, &answer, &error);
    int result = EX_TEMPFAIL;

    if (status == BULLA_NOTHING)
        result = EX_OK;
    else if (status == BULLA_OK || status == BULLA_AGAIN)
        result = receipt_send(delivery, answer) == 0 ? EX_OK : EX_TEMPFAIL;
    else
        log_error("stored, but not receipted yet: %s: %s", bulla_status_name(status), error.text);
    bulla_answer_free(answer);
    return result;
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
    if ((status = host_opener(host, delivery->reader.length > 0 ? delivery->reader.data : NULL, &opener, &error)) == BULLA_OK &&
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
    if (result == EX_OK && !delivery->misaddressed && !is_whole(delivery) && delivery->named && bulla_answer_outcome(answer) != BULLA_OUTCOME_REJECTED &&
        answer != NULL)
        result = receipt_of_all(delivery, envelope, folder.data);
    bulla_answer_free(answer);
    bulla_lease_free(lease);
    bulla_store_stream_free(stream);
    bulla_store_free(store);
    bulla_opener_free(opener);
    text_free(&folder);
    return result;
}

int envelope_take(struct delivery *delivery, const struct text *envelope, const struct text *raw)
{
    const struct host *host = delivery->host;
    struct outcome outcome = {0};
    int result = EX_TEMPFAIL, fine = addressees_find(host, delivery->mail, envelope, &delivery->addressees, &outcome) == 0;

    if (fine && delivery->recipient != NULL) {
        /* Without a name it would be the key as a whole. */
        if (reader_of(host->config, delivery->recipient, &delivery->reader) != 0 || delivery->reader.length == 0)
            return log_error("-a gives no address, or there is no memory"), EX_TEMPFAIL;
        delivery->named = addressees_name(&delivery->addressees, delivery->reader.data);
        fine = delivery->named || misaddressed_is_fine(host, "the author did not name this recipient", &outcome);
    }
    if (fine)
        return store_envelope(delivery, envelope, raw);
    log_error("%s", outcome.say);
    if (outcome.verdict == VERDICT_QUARANTINE)
        result = quarantine_or(delivery, ACTION_QUARANTINE, raw, EX_NOPERM);
    else if (outcome.verdict == VERDICT_REJECT)
        result = outcome.damaged ? EX_DATAERR : EX_NOPERM;
    outcome_free(&outcome);
    return result;
}
