#include "opening.h"

#include "handed.h"
#include "log.h"
#include "mime.h"
#include "plain.h"
#include "receipts.h"
#include "results.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A sealed mail, and what is learnt of it. */
struct opening {
    const struct host *host;
    const struct mail *mail;
    const struct text *envelope;
    struct addressees addressees;
    char **readers; /* of the recipients, in their order */
    char **had;     /* those of them who have it already, sorted */
    size_t had_count, named; /* how many of the addressees are here: with `had` */
    int answered, rejected;  /* the receipt of the whole was given before, and says so */
    struct claims claims;
    bulla_buffer *content;
    bulla_message *message;
};

/* Every recipient has it: the same answer again, and whatever the administrator wants of copies. */
static void copies_answered(const struct host *host, int rejected, struct outcome *outcome)
{
    receipts_send(host, "copy");
    /* Whether the server took the first one into its quarantine nobody knows. */
    if (rejected)
        outcome_set(outcome, host->config->refused == ACTION_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_REJECT,
                    "copy of a message that was rejected");
    else if (host->config->copies == ACTION_DISCARD)
        outcome_set(outcome, VERDICT_DISCARD, "copy of a message that was delivered");
    else
        outcome_set(outcome, host->config->copies == ACTION_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_REJECT,
                    "copy of a message that was delivered");
}

/* Under which names the guard knows the recipients, and whether the author named them. 0, or -1 and the outcome: nothing is reserved
 * yet, so whoever changed them on the way only has this copy refused. */
static int recipients_read(struct opening *opening, struct outcome *outcome)
{
    const struct mail *mail = opening->mail;
    struct text reader = {0}, why = {0};
    int result = 0;

    opening->readers = calloc(mail->count, sizeof *opening->readers);
    opening->had = calloc(mail->count, sizeof *opening->had);
    opening->claims.taken = calloc(mail->count, sizeof *opening->claims.taken);
    outcome->dropped = calloc(mail->count, sizeof *outcome->dropped);
    if (opening->readers == NULL || opening->had == NULL || opening->claims.taken == NULL || outcome->dropped == NULL)
        result = (outcome_set(outcome, VERDICT_LATER, "no memory"), -1);
    for (size_t i = 0; i < mail->count && result == 0; i++) {
        if (reader_of(opening->host->config, mail->recipients[i], &reader) != 0 || (opening->readers[i] = strdup(reader.data)) == NULL) {
            result = (outcome_set(outcome, VERDICT_LATER, "no memory"), -1);
        } else if (!addressees_name(&opening->addressees, opening->readers[i])) {
            text_clear(&why);
            text_format(&why, "the author did not name %s", mail->recipients[i]);
            result = misaddressed_is_fine(opening->host, why.failed ? "" : why.data, outcome) ? 0 : -1;
        }
    }
    text_free(&reader);
    text_free(&why);
    return result;
}

/* Reserves it for one reader: the list, or the mail as a whole if he alone is to have it. 0, or -1 and the outcome. */
static int claim_one(struct opening *opening, char *reader, struct outcome *outcome)
{
    const struct host *host = opening->host;
    struct claims *claims = &opening->claims;
    int named = addressees_name(&opening->addressees, reader), alone = named && opening->addressees.count == 1;
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;
    bulla_error error = {0};
    bulla_status status =
        alone ? whole_lease(host, &opening->addressees, opening->envelope, &claims->whole, &again, &claims->receipt_to, &error)
              : addressee_lease(host, &opening->addressees, reader, host->config->lease, &lease, &again, &error);

    if (status == BULLA_OK && handed_is_under_way(host, bulla_lease_stamp(alone ? claims->whole : lease), reader)) {
        status = BULLA_PENDING;
        snprintf(error.text, sizeof error.text, "it was handed over before, and the queue has yet to confirm it");
    }
    opening->named += named;
    if (status == BULLA_AGAIN && alone) {
        opening->answered = 1;
        opening->rejected = bulla_answer_outcome(again) == BULLA_OUTCOME_REJECTED;
        receipt_keep(host, "copy", claims->receipt_to, bulla_answer_receipt(again), bulla_answer_outcome(again));
    }
    bulla_answer_free(again);
    if (status == BULLA_AGAIN)
        return opening->had[opening->had_count++] = reader, 0;
    if (status == BULLA_OK && (claims->taken[claims->count].reader = strdup(reader)) != NULL)
        return claims->taken[claims->count++].lease = lease, 0;
    bulla_lease_free(lease);
    refuse(host, status == BULLA_OK ? BULLA_IO : status, error.text[0] != 0 ? error.text : "no memory", outcome);
    return -1;
}

/* Reserves it for each recipient, once if he is named twice, who has not had it. 0, or -1 and the outcome. */
static int claims_make(struct opening *opening, struct outcome *outcome)
{
    size_t count = opening->mail->count;
    char **sorted = calloc(count, sizeof *sorted);
    int result = sorted == NULL ? (outcome_set(outcome, VERDICT_LATER, "no memory"), -1) : 0;

    if (result == 0) {
        memcpy(sorted, opening->readers, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, strings_order);
    }
    for (size_t i = 0; i < count && result == 0; i++)
        if (i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0)
            result = claim_one(opening, sorted[i], outcome);
    free(sorted);
    return result;
}

/* Everybody whom the list names is here, or has it: reserves the mail as a whole, so that there is a receipt. 0, or -1 and the
 * outcome. */
static int claim_whole(struct opening *opening, struct outcome *outcome)
{
    const struct host *host = opening->host;
    struct claims *claims = &opening->claims;
    bulla_answer *again = NULL;
    bulla_error error = {0};
    bulla_status status = whole_lease(host, &opening->addressees, opening->envelope, &claims->whole, &again, &claims->receipt_to, &error);
    /* If somebody has given the receipt, or is about to, that does not hold up who has not had the mail. */
    int result = status == BULLA_OK || status == BULLA_AGAIN || status == BULLA_PENDING ? 0 : -1;

    if (status == BULLA_AGAIN && bulla_answer_outcome(again) == BULLA_OUTCOME_REJECTED) {
        receipt_keep(host, "copy", claims->receipt_to, bulla_answer_receipt(again), BULLA_OUTCOME_REJECTED);
        copies_answered(host, 1, outcome);
        result = -1;
    } else if (result != 0) {
        refuse(host, status, error.text[0] != 0 ? error.text : "no memory", outcome);
    }
    bulla_answer_free(again);
    return result;
}

/* Opens it without reserving anything. Only a list that is of this very mail tells who is to have it: until that is sure the guard is
 * not asked, for what it knows of another mail's list would be taken for an answer. 0, or -1 and the outcome. */
static int open_checked(struct opening *opening, struct outcome *outcome)
{
    const struct host *host = opening->host;
    bulla_opener *opener = NULL;
    bulla_error error = {0};
    bulla_status status = bulla_opener_new_unguarded(host->identity, host->policy, &opener, &error);
    int match;

    if (status == BULLA_OK)
        status = bulla_open(opener, (const uint8_t *)opening->envelope->data, opening->envelope->length, opening->content, &opening->message,
                            &error);
    bulla_opener_free(opener);
    if (status != BULLA_OK)
        return refuse(host, status, error.text, outcome), -1;
    match = addressees_are_of(&opening->addressees, bulla_message_stamp(opening->message), bulla_buffer_data(opening->content),
                              bulla_buffer_length(opening->content));
    if (match < 0)
        outcome_set(outcome, VERDICT_LATER, "no memory");
    else if (match == 0) /* whoever put it there, it is not said by the author */
        outcome_set(outcome, host->config->recipients == ACTION_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_REJECT,
                    "the list of addressees is another mail's");
    return match > 0 ? 0 : -1;
}

/* Reserves it for those who have not had it. 0; or -1, and the outcome says why nobody gets it. */
static int claim(struct opening *opening, struct outcome *outcome)
{
    const struct host *host = opening->host;
    const struct addressees *addressees = &opening->addressees;

    if (claims_make(opening, outcome) != 0)
        return -1;
    if (opening->claims.count == 0) {
        /* Of a mail to one alone who is not here nothing is known but that others have it: there is no receipt of that. */
        if (!opening->answered && addressees->count > 1)
            opening->rejected = whole_receipt(host, "copy", addressees, opening->envelope) > 0;
        return copies_answered(host, opening->rejected, outcome), -1;
    }
    for (size_t i = 0; i < opening->mail->count; i++)
        if (opening->had_count > 0 &&
            bsearch(&opening->readers[i], opening->had, opening->had_count, sizeof *opening->had, strings_order) != NULL)
            outcome->dropped[outcome->dropped_count++] = opening->mail->recipients[i];
    return opening->claims.whole == NULL && addressees->count > 1 && opening->named == addressees->count ? claim_whole(opening, outcome) : 0;
}

/* The author signed what is not his: rejected for good, and he is told so under our signature. */
static void reject_whole(struct opening *opening, const char *reason, struct outcome *outcome)
{
    const struct host *host = opening->host;
    struct claims *claims = &opening->claims;
    bulla_answer *answer = NULL;
    bulla_error error;
    bulla_status status = BULLA_OK;

    if (claims->whole == NULL) {
        free(claims->receipt_to);
        status = whole_lease(host, &opening->addressees, opening->envelope, &claims->whole, &answer, &claims->receipt_to, &error);
    }
    if (status == BULLA_OK)
        status = bulla_receipter_reject(host->receipter, claims->whole, BULLA_REASON_POLICY, reason, &answer, &error);
    if (status == BULLA_OK || status == BULLA_AGAIN)
        receipt_keep(host, "copy", claims->receipt_to, bulla_answer_receipt(answer), bulla_answer_outcome(answer));
    bulla_answer_free(answer);
    receipts_send(host, "copy");
    outcome_set(outcome, host->config->refused == ACTION_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_REJECT, "%s", reason);
}

/* The original: header and body of its own, but for results that claim to be ours. 1; 0 if it is no mail; -1 for want of memory. */
static int restore(const struct host *host, const bulla_buffer *content, int crlf, struct outcome *outcome)
{
    const char *bytes = (const char *)bulla_buffer_data(content);
    size_t length = bulla_buffer_length(content);
    struct header inner = {0};
    long body = bytes == NULL ? -1 : header_parse(&inner, bytes, length);
    int failed;

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
    failed = inner.failed || outcome->header.failed || outcome->body.failed;
    header_free(&inner);
    return failed ? -1 : body >= 0;
}

/* Judges what is inside: whose it is, and whether the outer header told the same. 0, or -1 and the outcome. */
static int judge(struct opening *opening, struct outcome *outcome, struct text *results)
{
    const struct host *host = opening->host;
    char *from = header_value(&outcome->header, "From");
    struct text author = {0}, differing = {0};
    bulla_key signer;
    int known = AUTHORS_UNKNOWN, result = -1;

    address_first(&author, from == NULL ? "" : from);
    headers_differ(&differing, &opening->mail->header, &outcome->header);
    free(from);
    if (!author.failed && !differing.failed && bulla_stamp_signer(bulla_message_stamp(opening->message), &signer, NULL) == BULLA_OK)
        known = authors_are(host, &outcome->header, &signer);
    if (known == AUTHORS_UNKNOWN) {
        outcome_set(outcome, VERDICT_LATER, "no memory");
    } else if (known < 0) {
        reject_whole(opening, "the signer is not the author that From names", outcome);
    } else if (differing.length > 0 && host->config->differing != ACTION_ACCEPT) {
        /* Whoever changed it on the way must not make us reject the message for good: it is released. */
        outcome_set(outcome, host->config->differing == ACTION_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_REJECT,
                    "the outer header differs in %s", differing.data);
    } else {
        results_opened(results, host->config->domain, author.data, known, &signer, differing.data);
        outcome_set(outcome, VERDICT_CHANGED, "opened for %zu recipients, from %s%s%s%s", opening->claims.count, author.data,
                    known ? "" : ", who is not in the key table", differing.length > 0 ? "; the outer header differs in " : "",
                    differing.data);
        result = 0;
    }
    text_free(&author);
    text_free(&differing);
    return result;
}

/* A receipt that was sealed like any mail, because the server that sent it did not know it for one. It proves itself: who signed what
 * is around it does not matter. 1 if it is dealt with. */
static int receipt_inside(struct opening *opening, struct outcome *outcome)
{
    struct text receipt = {0}, nothing = {0};
    struct outcome settled = {0};
    int alone = mime_is_alone(TYPE_RECEIPT, &outcome->header, outcome->body.data, outcome->body.length, &receipt, &nothing), done = 0;

    if (alone > 0) {
        receipt_take(opening->host, &receipt, &settled);
        done = settled.verdict == VERDICT_DISCARD || settled.verdict == VERDICT_LATER;
    }
    if (alone < 0) {
        outcome_set(&settled, VERDICT_LATER, "no memory");
        done = 1;
    }
    if (settled.verdict == VERDICT_DISCARD && claims_commit(opening->host, "copy", &opening->claims) != 0)
        outcome_set(&settled, VERDICT_LATER, "a receipt was settled, and comes again");
    if (done)
        outcome_set(outcome, settled.verdict, "%s", settled.say);
    else if (alone > 0)
        log_info("%s: it is delivered as a mail", settled.say);
    text_free(&receipt);
    text_free(&nothing);
    return done;
}

/* The mail is open and reserved, and nobody has it yet. */
static void hand_over(struct opening *opening, struct outcome *outcome, struct text *results)
{
    const struct host *host = opening->host;
    struct text lines = {0};
    char id[HANDED_ID];
    int restored;

    attribute_text(&lines, bulla_message_stamp(opening->message), ATTRIBUTE_LINES);
    outcome->sender = sender_of(bulla_message_stamp(opening->message));
    restored = lines.failed || outcome->sender == NULL ? -1 : restore(host, opening->content, lines.length > 0, outcome);
    if (restored < 0) {
        outcome_set(outcome, VERDICT_LATER, "no memory");
    } else if (restored == 0) {
        reject_whole(opening, "what is sealed is no mail", outcome);
    } else if (!receipt_inside(opening, outcome) && judge(opening, outcome, results) == 0) {
        if (handed_keep(host, &opening->claims, &opening->addressees, opening->envelope, id) == 0)
            snprintf(outcome->confirm, sizeof outcome->confirm, "%s@%s", id, host->config->confirm);
        else
            outcome_set(outcome, VERDICT_LATER, "what is under way cannot be kept");
    }
    text_free(&lines);
}

static void open_envelope(const struct host *host, const struct mail *mail, const struct text *envelope, struct outcome *outcome,
                          struct text *results)
{
    struct opening opening = {.host = host, .mail = mail, .envelope = envelope};

    if (bulla_buffer_new(&opening.content, NULL) != BULLA_OK)
        outcome_set(outcome, VERDICT_LATER, "no memory");
    else if (addressees_find(host, mail, envelope, &opening.addressees, outcome) == 0 && recipients_read(&opening, outcome) == 0 &&
             open_checked(&opening, outcome) == 0 && claim(&opening, outcome) == 0)
        hand_over(&opening, outcome, results);
    for (size_t i = 0; opening.readers != NULL && i < mail->count; i++)
        free(opening.readers[i]);
    free(opening.readers);
    free(opening.had);
    claims_free(&opening.claims);
    addressees_free(&opening.addressees);
    bulla_message_free(opening.message);
    bulla_buffer_free(opening.content);
}

/* Whether the author named these recipients to our key. 1, 0, or -1 if that cannot be told now. */
static int is_for_us(const struct host *host, const struct mail *mail, const struct text *envelope)
{
    struct addressees addressees = {0};
    struct outcome outcome = {0};
    struct text reader = {0};
    int result = addressees_find(host, mail, envelope, &addressees, &outcome) == 0 ? 1 : outcome.verdict == VERDICT_LATER ? -1 : 0;

    for (size_t i = 0; i < mail->count && result > 0; i++)
        result = reader_of(host->config, mail->recipients[i], &reader) != 0 ? -1 : addressees_name(&addressees, reader.data);
    text_free(&reader);
    outcome_free(&outcome);
    addressees_free(&addressees);
    return result;
}

/* Whether it is for those who open it themselves: all of its recipients, for others came separately. 1, 0, or -1 if that cannot be told
 * now. */
static int stays_sealed(const struct host *host, const struct mail *mail, const struct text *envelope)
{
    enum left left = LEFT;
    int ours;

    for (size_t i = 0; i < mail->count; i++) {
        enum left one = config_leaves(host->config, mail->recipients[i]);

        left = one < left ? one : left;
    }
    /* erin+x@ is Erin here; whether it was so to whoever sealed, the envelope tells. */
    if (left != LEFT_PERHAPS || envelope == NULL)
        return left == LEFT;
    return (ours = is_for_us(host, mail, envelope)) < 0 ? -1 : !ours;
}

void open_mail(const struct host *host, const struct mail *mail, struct outcome *outcome, struct text *results)
{
    struct text part = {0};
    int found, returned = 0, left = 0;

    errno = 0;
    found = mime_find(&part, TYPE_ENVELOPE, &mail->header, mail->body.data, mail->body.length);
    if (mail->count == 0 || mail->header.failed || mail->body.failed || (found < 0 && errno == ENOMEM)) {
        outcome_set(outcome, VERDICT_LATER, "no memory, or no recipients");
    } else if (mail->header.excess) {
        outcome_set(outcome, VERDICT_REJECT, "its header is too long");
    } else if (found == 0 || (found == 1 && (returned = bounce_returns(host, mail, &part)) == 1)) {
        open_plain(host, mail, outcome, results);
    } else if (returned < 0 || (left = stays_sealed(host, mail, found == 1 ? &part : NULL)) < 0) {
        outcome_set(outcome, VERDICT_LATER, "no memory");
    } else if (left) {
        results_other(results, host->config->domain, "neutral reason=\"left sealed for its recipient\"");
        outcome_set(outcome, VERDICT_PASS, "left sealed");
    } else if (found < 0) {
        refuse(host, BULLA_MALFORMED, "the part with the envelope cannot be decoded", outcome);
    } else {
        open_envelope(host, mail, &part, outcome, results);
    }
    text_free(&part);
}
