#include "sealing.h"

#include "addressees.h"
#include "log.h"
#include "mime.h"
#include "outer.h"
#include "outgoing.h"
#include "submit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Who can get it sealed, and who cannot. Gives whether there is a key for everybody. */
static int recipients_find(const struct host *host, const struct mail *mail, struct outgoing *outgoing, struct outcome *outcome)
{
    size_t clear = 0;

    for (size_t i = 0; i < mail->count; i++) {
        const bulla_public *identity;
        bulla_key key;

        switch (keys_find(host->keys, mail->recipients[i], &identity, &key)) {
        case FOUND_NOTHING:
            return outcome_set(outcome, VERDICT_REJECT, "no key for %s: not sent to anybody", mail->recipients[i]);
        case FOUND_CLEAR:
            clear++;
            break;
        case FOUND_KEY:
            /* It must be possible to send it again, and to send its author a notice. */
            if (!address_is_plain(mail->recipients[i]))
                return outcome_set(outcome, VERDICT_REJECT, "%s cannot be sealed to: write the address without quotes", mail->recipients[i]);
            if (outgoing_address(outgoing, &key, mail->recipients[i]) != 0)
                return outcome_set(outcome, VERDICT_LATER, "no memory");
        }
    }
    if (clear == mail->count)
        return outcome_set(outcome, VERDICT_PASS, "in clear, as the key table says");
    if (clear > 0)
        return outcome_set(outcome, VERDICT_REJECT, "some recipients have keys and others are written to in clear: send it separately");
    if (mail->count > MOST_ADDRESSEES)
        return outcome_set(outcome, VERDICT_REJECT, "more than %d recipients: send it in parts", MOST_ADDRESSEES);
    if (*mail->from != 0 && !address_is_plain(mail->from))
        return outcome_set(outcome, VERDICT_REJECT, "%s cannot be told of failures: write the address without quotes", mail->from);
    return 1;
}

/* The mail as it came, with LF at the ends of lines, as it lies in a mailbox. */
static void content_write(const struct mail *mail, int crlf, struct text *content)
{
    const char *end = crlf ? "\r\n" : "\n";
    struct header kept = {0};

    /* Bcc is for the sender's own server: it must not reach the others. */
    for (size_t i = 0; i < mail->header.count; i++)
        if (strcasecmp(mail->header.fields[i].name, "Bcc") != 0)
            header_add(&kept, mail->header.fields[i].name, strlen(mail->header.fields[i].name), mail->header.fields[i].value,
                       strlen(mail->header.fields[i].value));
    kept.failed |= mail->header.failed;
    header_write(&kept, content, end);
    text_puts(content, end);
    if (crlf)
        text_add(content, mail->body.data, mail->body.length);
    else
        lines_to_lf(content, mail->body.data, mail->body.length);
    content->failed |= mail->body.failed;
    header_free(&kept);
}

/* What is said of the mail under the signature. */
static bulla_status draft_make(const struct host *host, const struct mail *mail, int crlf, const bulla_sent *before,
                               bulla_draft **draft, bulla_error *error)
{
    const struct config *config = host->config;
    const char *receipts = config->receipts_to != NULL ? config->receipts_to : mail->from;
    char *from = header_value(&mail->header, "From");
    struct text author = {0};
    bulla_status status = bulla_draft_new(config->context, draft, error);

    address_first(&author, from == NULL ? mail->from : from);
    if (status == BULLA_OK && (status = bulla_draft_expires_in(*draft, config->expires, error)) == BULLA_OK &&
        (status = bulla_draft_content_type(*draft, "message/rfc822", error)) == BULLA_OK && !author.failed)
        status = bulla_draft_attribute(*draft, ATTRIBUTE_FROM, (const uint8_t *)author.data, author.length, error);
    if (status == BULLA_OK && *mail->from != 0)
        status = bulla_draft_attribute(*draft, ATTRIBUTE_SENDER, (const uint8_t *)mail->from, strlen(mail->from), error);
    if (status == BULLA_OK && crlf)
        status = bulla_draft_attribute(*draft, ATTRIBUTE_LINES, (const uint8_t *)"crlf", 4, error);
    /* Nobody waits for a receipt of a bounce. */
    if (status == BULLA_OK && config->receipts != 0 && *mail->from != 0 &&
        (status = bulla_draft_attribute(*draft, ATTRIBUTE_RECEIPT, (const uint8_t *)receipts, strlen(receipts), error)) == BULLA_OK)
        status = bulla_draft_ask_receipts(*draft, config->receipts, host->public_identity, error);
    if (status == BULLA_OK && before != NULL)
        status = bulla_draft_again(*draft, before, error);
    free(from);
    text_free(&author);
    return status;
}

static bulla_status seal_content(const struct host *host, const struct outgoing *outgoing, const bulla_draft *draft,
                                 const struct text *content, bulla_buffer *envelope, bulla_sent *sent, bulla_error *error)
{
    bulla_sealer *sealer = NULL;
    bulla_status status = bulla_sealer_new(host->identity, &sealer, error);

    for (size_t i = 0; i < outgoing->count && status == BULLA_OK; i++) {
        const bulla_public *identity = NULL;
        bulla_key key;
        size_t before = 0;

        /* Several addresses may belong to one key: it is one recipient of the envelope. */
        while (memcmp(&outgoing->addressees[before].key, &outgoing->addressees[i].key, sizeof key) != 0)
            before++;
        if (before == i && keys_find(host->keys, outgoing->addressees[i].address, &identity, &key) == FOUND_KEY)
            status = bulla_sealer_to(sealer, identity, error);
    }
    if (status == BULLA_OK)
        status = bulla_seal(sealer, draft, (const uint8_t *)content->data, content->length, envelope, sent, error);
    bulla_sealer_free(sealer);
    return status;
}

/* For each key the list of its addresses. A message that is sealed once more has the same lists: so readers know them. */
static bulla_status lists_seal(const struct host *host, struct outgoing *outgoing, const struct outgoing *before, bulla_error *error)
{
    bulla_status status = BULLA_OK;

    for (size_t i = 0; i < outgoing->count && status == BULLA_OK; i++) {
        const bulla_key *key = &outgoing->addressees[i].key;
        const struct list *same = before == NULL ? NULL : outgoing_list_of(before, key);
        const bulla_public *identity = NULL;
        bulla_buffer *sealed = NULL;
        struct text lines = {0};
        bulla_sent sent;
        bulla_key found;

        if (outgoing_list_of(outgoing, key) != NULL)
            continue;
        for (size_t j = i; j < outgoing->count; j++)
            if (memcmp(&outgoing->addressees[j].key, key, sizeof *key) == 0)
                text_format(&lines, "%s\n", outgoing->addressees[j].address);
        if (keys_find(host->keys, outgoing->addressees[i].address, &identity, &found) != FOUND_KEY)
            status = BULLA_INVALID_INPUT; /* the table cannot have changed */
        else if ((status = bulla_buffer_new(&sealed, error)) == BULLA_OK &&
                 (status = addressees_seal(host, identity, &lines, &outgoing->sent, same == NULL ? NULL : &same->sent, sealed, &sent,
                                           error)) == BULLA_OK &&
                 outgoing_list(outgoing, key, &sent, bulla_buffer_data(sealed), bulla_buffer_length(sealed)) != 0)
            status = BULLA_IO;
        bulla_buffer_free(sealed);
        text_free(&lines);
    }
    return status;
}

/* Records it before it is sent. The mail server sends it now, so it is not due before the first waiting time is over. */
static bulla_status outbox_record(const struct host *host, const struct outgoing *outgoing, const bulla_buffer *envelope, bulla_error *error)
{
    uint64_t now = (uint64_t)time(NULL);
    bulla_key *keys = calloc(outgoing->count, sizeof *keys);
    bulla_letter *letter = NULL;
    bulla_due_list *list = NULL;
    bulla_status status = BULLA_IO;
    size_t count = 0;

    for (size_t i = 0; keys != NULL && i < outgoing->count; i++) {
        size_t before = 0;

        while (before < count && memcmp(&keys[before], &outgoing->addressees[i].key, sizeof *keys) != 0)
            before++;
        if (before == count)
            keys[count++] = outgoing->addressees[i].key;
    }
    if (keys != NULL && (status = bulla_letter_new(&outgoing->sent, host->config->context, keys, count,
                                                   outgoing->sent.issued + host->config->deadline, &letter, error)) == BULLA_OK &&
        (status = bulla_letter_note(letter, outgoing->name, error)) == BULLA_OK && host->config->receipts & BULLA_RECEIPT_DELIVERED)
        status = bulla_letter_until_delivered(letter, error);
    if (status == BULLA_OK &&
        (status = bulla_outbox_put(host->outbox, letter, bulla_buffer_data(envelope), bulla_buffer_length(envelope), now, error)) == BULLA_OK &&
        (status = bulla_outbox_take(host->outbox, &outgoing->sent.header_digest, now, &list, error)) == BULLA_OK)
        for (size_t i = 0; i < bulla_due_list_count(list) && status == BULLA_OK; i++)
            status = bulla_outbox_mark_sent(host->outbox, list, i, now, error);
    bulla_due_list_free(list);
    bulla_letter_free(letter);
    free(keys);
    return status;
}

/* The outer message, kept and recorded before anybody hears that there is one. */
static bulla_status outer_make(const struct host *host, const struct mail *mail, struct outgoing *outgoing, const bulla_buffer *envelope,
                               struct outcome *outcome, bulla_error *error)
{
    const uint8_t *bytes = bulla_buffer_data(envelope);
    size_t length = bulla_buffer_length(envelope);
    struct text packed = {0};
    bulla_status status = BULLA_OK;

    for (size_t i = 0; i < outgoing->list_count; i++)
        addressees_pack(&packed, (const uint8_t *)outgoing->lists[i].sealed.data, outgoing->lists[i].sealed.length);
    outer_header(host, mail, &outgoing->sent, envelope, &outcome->header);
    mime_body_write(&outcome->body, TYPE_ENVELOPE, bytes, length, &packed, "\r\n");
    /* Content-Type, the last field, goes with the envelope, of which there may be several. */
    if (outcome->header.count > 0 && !outcome->header.excess) {
        outcome->header.count--;
        header_write(&outcome->header, &outgoing->header, "\n");
        outcome->header.count++;
    }
    if (outcome->header.excess) {
        status = BULLA_OK; /* said by the caller */
    } else if (outcome->body.failed || outcome->header.failed || outgoing_write(host, outgoing) != 0) {
        status = BULLA_IO;
        log_error("%s/outgoing cannot be written: %s", host->config->state, strerror(errno));
    } else if (host->config->receipts != 0 && *mail->from != 0) {
        status = outbox_record(host, outgoing, envelope, error);
    }
    if (status == BULLA_OK)
        ours_remember(host, bytes, length, &packed);
    text_free(&packed);
    return status;
}

/* Whether it is good for long enough to be sent once more: an hour, or an eighth of its time if that is less. */
static int lives_on(const bulla_sent *sent)
{
    uint64_t eighth = (sent->expires - sent->issued) / 8;

    return sent->expires > (uint64_t)time(NULL) + (eighth < 3600 ? eighth : 3600);
}

/* Names it, and finds the same message that is under that name already. 1; 0 if there is none; or -1 if that cannot be known now:
 * then nothing is sealed, for its readers would have it twice. */
static int before_find(const struct host *host, const struct mail *mail, const struct text *content, struct outgoing *outgoing,
                       struct outgoing *before, bulla_error *error)
{
    int named = outgoing_name(outgoing, content, NULL);

    /* The client gives it once more: it is the same message, which its readers take once. Without a Message-ID nobody knows that:
     * two alarms may be alike to the byte. */
    if (named == 0 && header_count(&mail->header, "Message-ID") == 0)
        return 0;
    while (named == 0 && outgoing_read(host, outgoing->name, before) == 0) {
        if (lives_on(&before->sent))
            return 1;
        /* It may still be in the outbox, and needs its own file until then. That leads to the next, and so stays as long. */
        outgoing_keep(host, outgoing->name);
        named = outgoing_name(outgoing, content, &before->sent);
        outgoing_free(before);
    }
    if (named == 0 && (errno == ENOENT || errno == EINVAL))
        return 0;
    log_error("%s/outgoing cannot be read: %s", host->config->state, strerror(named == 0 ? errno : ENOMEM));
    snprintf(error->text, sizeof error->text, "whether it was sealed before cannot be seen");
    return -1;
}

/* Makes envelope and outer message, and records them. */
static void seal_to(const struct host *host, const struct mail *mail, struct outgoing *outgoing, struct outcome *outcome)
{
    int crlf = lines_have_bare_lf(mail->body.data, mail->body.length), again = 0;
    struct outgoing before = {0};
    struct text content = {0};
    bulla_buffer *envelope = NULL;
    bulla_draft *draft = NULL;
    bulla_error error = {0};
    bulla_status status = BULLA_IO;

    content_write(mail, crlf, &content);
    if (!content.failed && (outgoing->from = strdup(mail->from)) != NULL &&
        (again = before_find(host, mail, &content, outgoing, &before, &error)) >= 0) {
        if ((status = bulla_buffer_new(&envelope, &error)) == BULLA_OK &&
            (status = draft_make(host, mail, crlf, again ? &before.sent : NULL, &draft, &error)) == BULLA_OK &&
            (status = seal_content(host, outgoing, draft, &content, envelope, &outgoing->sent, &error)) == BULLA_OK)
            status = lists_seal(host, outgoing, again ? &before : NULL, &error);
        /* Each of those that are alike needs its file until it is settled. */
        if (status == BULLA_OK && header_count(&mail->header, "Message-ID") == 0 &&
            outgoing_name(outgoing, &content, &outgoing->sent) != 0)
            status = BULLA_IO;
    }
    if (status == BULLA_OK)
        status = outer_make(host, mail, outgoing, envelope, outcome, &error);
    if (status == BULLA_OK && outcome->header.excess)
        outcome_set(outcome, VERDICT_REJECT, "its header is too long");
    else if (status == BULLA_OK)
        outcome_set(outcome, VERDICT_CHANGED, "sealed for %zu recipients%s", mail->count, again ? ", again" : "");
    else
        outcome_set(outcome, VERDICT_LATER, "cannot be sealed now: %s", error.text[0] != 0 ? error.text : bulla_status_text(status));
    outgoing_free(&before);
    text_free(&content);
    bulla_buffer_free(envelope);
    bulla_draft_free(draft);
}

void seal_mail(const struct host *host, const struct mail *mail, struct outcome *outcome)
{
    struct outgoing outgoing = {0};
    int ours = 0;

    if (mail->count == 0 || mail->header.failed || mail->body.failed)
        outcome_set(outcome, VERDICT_LATER, "no memory, or no recipients");
    else if (mail->header.excess)
        outcome_set(outcome, VERDICT_REJECT, "its header is too long");
    else if ((ours = sealed_by_us(host, mail)) != 0)
        outer_keep(host, mail, ours, outcome);
    else if (recipients_find(host, mail, &outgoing, outcome) == 1)
        seal_to(host, mail, &outgoing, outcome);
    outgoing_free(&outgoing);
}
