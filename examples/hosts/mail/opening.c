#include "opening.h"

#include "handed.h"
#include "log.h"
#include "mime.h"
#include "receipts.h"
#include "results.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int author_is(const struct host *host, const char *address, const bulla_key *signer)
{
    const bulla_public *identity;
    bulla_key key;

    if (keys_find(host->keys, address, &identity, &key) != FOUND_KEY)
        return 0;
    return memcmp(&key, signer, sizeof key) == 0 ? 1 : -1;
}

int plain_is_refused(const struct host *host, const struct mail *mail)
{
    char *from = header_value(&mail->header, "From");
    struct text author = {0};
    const bulla_public *identity;
    bulla_key key;
    int refused;

    address_first(&author, from == NULL ? mail->from : from);
    /* Bounces are made by mail servers, which seal nothing. They come without a sender, and claim no author but the server. */
    if (host->config->plain == PLAIN_ACCEPT || (*mail->from == 0 && !author.failed && strncmp(author.data, "mailer-daemon@", 14) == 0))
        refused = 0;
    else
        refused = author.failed || host->config->plain == PLAIN_REFUSE || header_count(&mail->header, "From") > 1 ||
                  keys_find(host->keys, author.data, &identity, &key) == FOUND_KEY;
    free(from);
    text_free(&author);
    return refused;
}

void refuse(const struct host *host, bulla_status status, const char *why, struct outcome *outcome)
{
    enum action action = ACTION_REJECT;

    switch (bulla_status_class(status)) {
    case BULLA_CLASS_NOT_ACCEPTABLE:
        action = host->config->damaged;
        break;
    case BULLA_CLASS_REFUSED:
        action = host->config->refused;
        break;
    default:
        outcome_set(outcome, VERDICT_LATER, "%s: %s", bulla_status_name(status), why);
        return;
    }
    outcome_set(outcome, action == ACTION_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_REJECT, "%s: %s", bulla_status_name(status), why);
}

/* Every recipient has it: the same answer again, and whatever the administrator wants of copies. */
static void copies_answered(const struct host *host, int rejected, struct outcome *outcome)
{
    receipts_send(host, "copy");
    if (rejected)
        outcome_set(outcome, VERDICT_REJECT, "copy of a message that was rejected");
    else if (host->config->copies == ACTION_DISCARD)
        outcome_set(outcome, VERDICT_DISCARD, "copy of a message that was delivered");
    else
        outcome_set(outcome, host->config->copies == ACTION_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_REJECT,
                    "copy of a message that was delivered");
}

/* Opens it for each recipient: `taken` receives those who have not had it. 0; or -1, and the outcome says why nobody gets it. */
static int open_for_all(const struct host *host, const struct mail *mail, const struct text *envelope, bulla_buffer *content,
                        struct taken *taken, size_t *count, struct outcome *outcome)
{
    bulla_buffer *same = NULL;
    bulla_error error = {0};
    bulla_status status = bulla_buffer_new(&same, &error);
    int rejected = 0;

    for (size_t i = 0; i < mail->count && (status == BULLA_OK || status == BULLA_AGAIN); i++) {
        bulla_lease *lease = NULL;
        bulla_answer *again = NULL;
        char *receipt_to = NULL;

        bulla_buffer_clear(same);
        status = open_leased(host, mail->recipients[i], envelope, *count == 0 ? content : same, &lease, &again, &receipt_to, &error);
        if (status == BULLA_OK && handed_is_under_way(host, bulla_lease_stamp(lease), mail->recipients[i])) {
            status = BULLA_PENDING;
            snprintf(error.text, sizeof error.text, "it was handed over before, and the queue has yet to confirm it");
        }
        if (status == BULLA_OK && receipt_to != NULL) {
            taken[*count].reader = mail->recipients[i];
            taken[*count].lease = lease;
            taken[(*count)++].receipt_to = receipt_to;
            continue;
        }
        if (status == BULLA_AGAIN && receipt_to != NULL) {
            outcome->dropped[outcome->dropped_count++] = mail->recipients[i];
            rejected |= bulla_answer_outcome(again) == BULLA_OUTCOME_REJECTED;
            receipt_keep(host, "copy", receipt_to, bulla_answer_receipt(again), bulla_answer_outcome(again));
        } else if (status == BULLA_OK || status == BULLA_AGAIN) {
            status = BULLA_IO;
        }
        bulla_lease_free(lease);
        bulla_answer_free(again);
        free(receipt_to);
    }
    bulla_buffer_free(same);
    if (status != BULLA_OK && status != BULLA_AGAIN)
        return refuse(host, status, error.text, outcome), -1;
    if (*count == 0)
        return copies_answered(host, rejected, outcome), -1;
    return 0;
}

/* The author signed what is not his: rejected for good, and he is told so under our signature. */
static void reject_taken(const struct host *host, struct taken *taken, size_t count, const char *reason, struct outcome *outcome)
{
    for (size_t i = 0; i < count; i++) {
        bulla_answer *answer = NULL;

        if (bulla_receipter_reject(host->receipter, taken[i].lease, BULLA_REASON_POLICY, reason, &answer, NULL) == BULLA_OK)
            receipt_keep(host, "copy", taken[i].receipt_to, bulla_answer_receipt(answer), bulla_answer_outcome(answer));
        bulla_answer_free(answer);
    }
    receipts_send(host, "copy");
    outcome_set(outcome, host->config->refused == ACTION_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_REJECT, "%s", reason);
}

/* The original: header and body of its own, but for results that claim to be ours. */
static int restore(const struct host *host, const bulla_buffer *content, int crlf, struct outcome *outcome)
{
    const char *bytes = (const char *)bulla_buffer_data(content);
    size_t length = bulla_buffer_length(content);
    struct header inner = {0};
    long body = bytes == NULL ? -1 : header_parse(&inner, bytes, length);

    for (size_t i = 0; body >= 0 && i < inner.count; i++) {
        const struct field *field = &inner.fields[i];

        if (strcasecmp(field->name, "Authentication-Results") == 0 && results_are_of(field->value, host->config->domain))
            log_info("removed results in the name of %s from a sealed mail", host->config->domain);
        else
            header_add(&outcome->header, field->name, strlen(field->name), field->value, strlen(field->value));
    }
    if (body >= 0 && crlf)
        text_add(&outcome->body, bytes + body, length - (size_t)body);
    else if (body >= 0)
        lines_to_crlf(&outcome->body, bytes + body, length - (size_t)body);
    header_free(&inner);
    return body < 0 || outcome->header.failed || outcome->body.failed ? -1 : 0;
}

/* Judges what is inside: whose it is, and whether the outer header told the same. 0, or -1 and the outcome. */
static int judge(const struct host *host, const struct mail *mail, struct taken *taken, size_t count, struct outcome *outcome,
                 struct text *results)
{
    const bulla_stamp *stamp = bulla_lease_stamp(taken[0].lease);
    char *from = header_value(&outcome->header, "From");
    struct text author = {0}, differing = {0};
    bulla_key signer;
    int known, result = -1;

    address_first(&author, from == NULL ? "" : from);
    headers_differ(&differing, &mail->header, &outcome->header);
    free(from);
    if (author.failed || differing.failed || bulla_stamp_signer(stamp, &signer, NULL) != BULLA_OK) {
        outcome_set(outcome, VERDICT_LATER, "no memory");
    } else if (header_count(&outcome->header, "From") > 1 || (known = author_is(host, author.data, &signer)) < 0) {
        reject_taken(host, taken, count, "the signer is not the author that From names", outcome);
    } else if (differing.length > 0 && host->config->differing != ACTION_ACCEPT) {
        /* Whoever changed it on the way must not make us reject the message for good: it is released. */
        outcome_set(outcome, host->config->differing == ACTION_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_REJECT,
                    "the outer header differs in %s", differing.data);
    } else {
        results_opened(results, host->config->domain, author.data, known, &signer, differing.data);
        outcome_set(outcome, VERDICT_CHANGED, "opened for %zu recipients, from %s%s%s%s", count, author.data,
                    known ? "" : ", who is not in the key table", differing.length > 0 ? "; the outer header differs in " : "",
                    differing.data);
        result = 0;
    }
    text_free(&author);
    text_free(&differing);
    return result;
}

static void open_envelope(const struct host *host, const struct mail *mail, const struct text *envelope, struct outcome *outcome,
                          struct text *results)
{
    struct taken *taken = calloc(mail->count, sizeof *taken);
    bulla_buffer *content = NULL;
    struct text lines = {0};
    char id[HANDED_ID];
    size_t count = 0;

    outcome->dropped = calloc(mail->count, sizeof *outcome->dropped);
    if (taken == NULL || outcome->dropped == NULL || bulla_buffer_new(&content, NULL) != BULLA_OK) {
        outcome_set(outcome, VERDICT_LATER, "no memory");
    } else if (open_for_all(host, mail, envelope, content, taken, &count, outcome) == 0) {
        attribute_text(&lines, bulla_lease_stamp(taken[0].lease), ATTRIBUTE_LINES);
        if (restore(host, content, lines.length > 0, outcome) != 0)
            reject_taken(host, taken, count, "what is sealed is no mail", outcome);
        else if (judge(host, mail, taken, count, outcome, results) == 0) {
            if (handed_keep(host, taken, count, envelope, id) == 0)
                snprintf(outcome->confirm, sizeof outcome->confirm, "%s@%s", id, host->config->confirm);
            else
                outcome_set(outcome, VERDICT_LATER, "what is under way cannot be kept");
        }
    }
    for (size_t i = 0; i < count; i++) {
        bulla_lease_free(taken[i].lease);
        free(taken[i].receipt_to);
    }
    free(taken);
    text_free(&lines);
    bulla_buffer_free(content);
}

void open_mail(const struct host *host, const struct mail *mail, struct outcome *outcome, struct text *results)
{
    struct text part = {0};
    int found = mime_find(&part, TYPE_RECEIPT, &mail->header, mail->body.data, mail->body.length);
    size_t left = 0;

    for (size_t i = 0; i < mail->count; i++)
        left += config_lists(host->config->leave, mail->recipients[i]) != 0;
    if (found == 1) {
        receipt_take(host, &part, outcome);
        text_free(&part);
        return;
    }
    text_clear(&part);
    errno = 0;
    found = mime_find(&part, TYPE_ENVELOPE, &mail->header, mail->body.data, mail->body.length);
    if (mail->count == 0 || (found < 0 && errno == ENOMEM)) {
        outcome_set(outcome, VERDICT_LATER, "no memory, or no recipients");
    } else if (found == 0 && plain_is_refused(host, mail)) {
        outcome_set(outcome, VERDICT_REJECT, "not sealed, but its author seals");
    } else if (found == 0) {
        results_other(results, host->config->domain, "none");
        outcome_set(outcome, VERDICT_PASS, "not sealed");
    } else if (left == mail->count) {
        results_other(results, host->config->domain, "neutral reason=\"left sealed for its recipient\"");
        outcome_set(outcome, VERDICT_PASS, "left sealed");
    } else if (found < 0) {
        refuse(host, BULLA_MALFORMED, "the part with the envelope cannot be decoded", outcome);
    } else {
        open_envelope(host, mail, &part, outcome, results);
    }
    text_free(&part);
}
