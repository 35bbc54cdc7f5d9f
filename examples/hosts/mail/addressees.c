#include "addressees.h"

#include "address.h"
#include "mime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void refuse(const struct host *host, bulla_status status, const char *why, struct outcome *outcome)
{
    enum action action = ACTION_REJECT;

    switch (bulla_status_class(status)) {
    case BULLA_CLASS_NOT_ACCEPTABLE:
        action = host->config->damaged;
        outcome->damaged = 1;
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

void addressees_free(struct addressees *addressees)
{
    for (size_t i = 0; i < addressees->count; i++)
        free(addressees->readers[i]);
    free(addressees->readers);
    text_free(&addressees->sealed);
    memset(addressees, 0, sizeof *addressees);
}

int reader_of(const struct config *config, const char *address, struct text *reader)
{
    text_clear(reader);
    text_add(reader, address, strlen(address));
    if (!reader->failed) /* it only becomes shorter */
        reader->length = address_normal(reader->data, config->delimiter, config->local_part == LOCAL_NO_CASE, reader->data, reader->length + 1);
    return reader->failed ? -1 : 0;
}

int addressees_name(const struct addressees *addressees, const char *reader)
{
    return addressees->count > 0 && bsearch(&reader, addressees->readers, addressees->count, sizeof reader, strings_order) != NULL;
}

bulla_status addressees_seal(const struct host *host, const bulla_public *identity, const struct text *lines, const bulla_sent *sent,
                             const bulla_sent *before, bulla_buffer *sealed, bulla_sent *list_sent, bulla_error *error)
{
    uint8_t message[MESSAGE_LENGTH];
    struct text content = {0};
    bulla_sealer *sealer = NULL;
    bulla_draft *draft = NULL;
    bulla_status status;
    size_t padded = 512;

    memcpy(message, sent->message_id.bytes, sizeof sent->message_id.bytes);
    memcpy(message + sizeof sent->message_id.bytes, sent->content_digest.bytes, sizeof sent->content_digest.bytes);
    /* Its length is not to tell how many there are who get a blind copy. */
    while (padded < lines->length)
        padded *= 2;
    text_add(&content, lines->data, lines->length);
    while (content.length < padded && !content.failed)
        text_puts(&content, "\n");
    if (content.failed || lines->failed) {
        text_free(&content);
        return error->text[0] = 0, BULLA_IO;
    }
    if ((status = bulla_sealer_new(host->identity, &sealer, error)) == BULLA_OK &&
        (status = bulla_sealer_to(sealer, identity, error)) == BULLA_OK &&
        (status = host_draft_of_addressees(host, &draft, error)) == BULLA_OK &&
        (status = bulla_draft_expires_at(draft, sent->expires, error)) == BULLA_OK &&
        (status = bulla_draft_attribute(draft, ATTRIBUTE_MESSAGE, message, sizeof message, error)) == BULLA_OK && before != NULL)
        status = bulla_draft_again(draft, before, error);
    if (status == BULLA_OK)
        status = bulla_seal(sealer, draft, (const uint8_t *)content.data, content.length, sealed, list_sent, error);
    bulla_draft_free(draft);
    bulla_sealer_free(sealer);
    text_free(&content);
    return status;
}

void addressees_pack(struct text *packed, const uint8_t *sealed, size_t length)
{
    const uint8_t bytes[4] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length};

    text_add(packed, bytes, sizeof bytes);
    text_add(packed, sealed, length);
    packed->failed |= length > UINT32_MAX;
}

/* One line of a list. 0; 1 if the list is none; -1 for want of memory. */
static int line_take(const struct host *host, struct addressees *found, const char *line, size_t length)
{
    struct text address = {0}, reader = {0};
    int result = 1;

    if (length <= 1000 && found->count < MOST_ADDRESSEES && memchr(line, 0, length) == NULL) {
        text_add(&address, line, length);
        result = address.failed || reader_of(host->config, address.data, &reader) != 0 ||
                         (found->readers[found->count] = strdup(reader.data)) == NULL
                     ? -1
                     : 0;
        found->count += result == 0;
    }
    text_free(&address);
    text_free(&reader);
    return result;
}

/* The addresses of a list: sorted, each once. As line_take(). */
static int lines_take(const struct host *host, struct addressees *found, const char *lines, size_t length)
{
    size_t at = 0, kept = 0;
    int result = 0;

    found->readers = calloc(MOST_ADDRESSEES, sizeof *found->readers);
    if (found->readers == NULL)
        return -1;
    while (at < length && result == 0) {
        const char *end = memchr(lines + at, '\n', length - at);
        size_t line = (end == NULL ? length : (size_t)(end - lines)) - at;

        if (line > 0)
            result = line_take(host, found, lines + at, line);
        at += line + 1;
    }
    if (result != 0 || found->count == 0)
        return result != 0 ? result : 1;
    qsort(found->readers, found->count, sizeof *found->readers, strings_order);
    for (size_t i = 0; i < found->count; i++) {
        if (kept > 0 && strcmp(found->readers[kept - 1], found->readers[i]) == 0)
            free(found->readers[i]);
        else
            found->readers[kept++] = found->readers[i];
    }
    found->count = kept;
    return 0;
}

bulla_status addressees_open(const struct host *host, const uint8_t *sealed, size_t length, struct addressees *found, bulla_error *error)
{
    bulla_opener *opener = NULL;
    bulla_buffer *content = NULL;
    bulla_message *message = NULL;
    bulla_view which = {NULL, 0};
    int lines = 0;
    bulla_status status = host_opener_of_addressees(host, NULL, &opener, error);

    memset(found, 0, sizeof *found);
    if (status == BULLA_OK && (status = bulla_buffer_new(&content, error)) == BULLA_OK &&
        (status = bulla_open(opener, sealed, length, content, &message, error)) == BULLA_OK &&
        (status = bulla_stamp_signer(bulla_message_stamp(message), &found->signer, error)) == BULLA_OK &&
        (bulla_stamp_attribute(bulla_message_stamp(message), ATTRIBUTE_MESSAGE, &which, NULL) != BULLA_OK || which.length != MESSAGE_LENGTH))
        status = BULLA_MALFORMED;
    if (status == BULLA_OK) {
        memcpy(found->message, which.data, MESSAGE_LENGTH);
        text_add(&found->sealed, sealed, length);
        lines = lines_take(host, found, (const char *)bulla_buffer_data(content), bulla_buffer_length(content));
        status = lines < 0 || found->sealed.failed ? BULLA_IO : lines > 0 ? BULLA_MALFORMED : BULLA_OK;
    }
    if (status != BULLA_OK)
        addressees_free(found);
    bulla_message_free(message);
    bulla_buffer_free(content);
    bulla_opener_free(opener);
    return status;
}

/* Tries one list after the other, as many as the envelope can have keys. BULLA_NOTHING if none is ours. */
static bulla_status lists_try(const struct host *host, const struct text *envelope, const struct text *packed, struct addressees *found,
                              bulla_error *error)
{
    bulla_inspection seen;
    bulla_status status = bulla_inspect((const uint8_t *)envelope->data, envelope->length, &seen, error);
    size_t at = 0;

    if (status == BULLA_MORE)
        return BULLA_NOTHING;
    for (uint32_t tried = 0; status == BULLA_OK && tried < seen.stanzas && tried < MOST_ADDRESSEES && packed->length - at > 4; tried++) {
        const uint8_t *bytes = (const uint8_t *)packed->data + at;
        size_t length = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];

        if (length > packed->length - at - 4)
            break;
        at += 4 + length;
        status = addressees_open(host, bytes + 4, length, found, error);
        if (status == BULLA_OK)
            return status;
        /* Another's, or refused: the next may be ours. What fails on our side fails. */
        if (bulla_status_class(status) == BULLA_CLASS_NOT_ACCEPTABLE || bulla_status_class(status) == BULLA_CLASS_REFUSED)
            status = BULLA_OK;
    }
    return status == BULLA_OK ? BULLA_NOTHING : status;
}

/* There is no list for us: is it because of the envelope itself? */
static void why_none(const struct host *host, const struct text *envelope, struct outcome *outcome)
{
    bulla_opener *opener = NULL;
    bulla_buffer *content = NULL;
    bulla_message *message = NULL;
    bulla_error error = {0};
    bulla_status status = bulla_opener_new_unguarded(host->identity, host->policy, &opener, &error);

    if (status == BULLA_OK && (status = bulla_buffer_new(&content, &error)) == BULLA_OK)
        status = bulla_open(opener, (const uint8_t *)envelope->data, envelope->length, content, &message, &error);
    if (status == BULLA_OK)
        outcome_set(outcome, host->config->recipients == ACTION_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_REJECT,
                    "no list of its addressees that is sealed to us came with it");
    else
        refuse(host, status, error.text, outcome);
    bulla_message_free(message);
    bulla_buffer_free(content);
    bulla_opener_free(opener);
}

int addressees_find(const struct host *host, const struct mail *mail, const struct text *envelope, struct addressees *found,
                    struct outcome *outcome)
{
    struct text packed = {0};
    bulla_error error = {0};
    bulla_status status = BULLA_NOTHING;
    int there;

    memset(found, 0, sizeof *found);
    errno = 0;
    there = mime_find(&packed, TYPE_ADDRESSEES, &mail->header, mail->body.data, mail->body.length);
    if (there < 0 && errno == ENOMEM)
        status = BULLA_IO;
    else if (there == 1)
        status = lists_try(host, envelope, &packed, found, &error);
    text_free(&packed);
    if (status == BULLA_NOTHING)
        why_none(host, envelope, outcome);
    else if (status != BULLA_OK)
        refuse(host, status, error.text[0] != 0 ? error.text : "no memory", outcome);
    return status == BULLA_OK ? 0 : -1;
}

int addressees_fit(const struct addressees *addressees, const bulla_stamp *stamp)
{
    bulla_message_id id;
    bulla_key signer;

    if (bulla_stamp_message_id(stamp, &id, NULL) != BULLA_OK || bulla_stamp_signer(stamp, &signer, NULL) != BULLA_OK)
        return -1;
    return memcmp(&signer, &addressees->signer, sizeof signer) == 0 && memcmp(id.bytes, addressees->message, sizeof id.bytes) == 0;
}

int addressees_are_of(const struct addressees *addressees, const bulla_stamp *stamp, const uint8_t *content, size_t length)
{
    bulla_digest digest;
    int fit = addressees_fit(addressees, stamp);

    if (fit <= 0)
        return fit;
    if (bulla_digest_of(content, length, &digest, NULL) != BULLA_OK)
        return -1;
    return memcmp(digest.bytes, addressees->message + sizeof(bulla_message_id), sizeof digest.bytes) == 0;
}

int misaddressed_is_fine(const struct host *host, const char *why, struct outcome *outcome)
{
    if (host->config->recipients == ACTION_ACCEPT)
        return 1;
    return outcome_set(outcome, host->config->recipients == ACTION_QUARANTINE ? VERDICT_QUARANTINE : VERDICT_REJECT, "%s", why);
}

bulla_status addressee_lease(const struct host *host, const struct addressees *addressees, const char *reader, uint64_t seconds,
                             bulla_lease **lease, bulla_answer **again, bulla_error *error)
{
    bulla_opener *opener = NULL;
    bulla_buffer *content = NULL;
    bulla_status status = host_opener_of_addressees(host, reader, &opener, error);

    if (status == BULLA_OK && (status = bulla_buffer_new(&content, error)) == BULLA_OK)
        status = bulla_open_leased(opener, (const uint8_t *)addressees->sealed.data, addressees->sealed.length, seconds, content, lease,
                                   again, error);
    bulla_buffer_free(content);
    bulla_opener_free(opener);
    return status;
}
