#include "stored.h"

#include <stdio.h>
#include <unistd.h>

/* Under the name of the key itself, so that copies get the same receipt. */
static bulla_status store_again(const struct host *host, const struct addressees *addressees, const struct text *envelope,
                                const char *folder, bulla_answer **answer, bulla_error *error)
{
    bulla_opener *opener = NULL;
    bulla_store *store = NULL;
    bulla_store_stream *stream = NULL;
    bulla_lease *lease = NULL;
    struct text path = {0};
    bulla_status status;

    if ((status = host_opener(host, NULL, &opener, error)) == BULLA_OK &&
        (status = bulla_store_new(opener, host->config->lease, &store, error)) == BULLA_OK &&
        (status = bulla_store_max_content(store, host->config->max_message, error)) == BULLA_OK &&
        (status = bulla_store_stream_new(store, BULLA_TARGET_BY_ID, folder, &stream, error)) == BULLA_OK)
        status = bulla_store_stream_update(stream, (const uint8_t *)envelope->data, envelope->length, error);
    if (status == BULLA_OK || status == BULLA_MORE)
        status = bulla_store_stream_finish(stream, &lease, answer, error);
    /* Whoever asks for the receipt has compared the list; here it is signed. */
    if ((status == BULLA_OK && addressees_fit(addressees, bulla_lease_stamp(lease)) <= 0) ||
        (status == BULLA_AGAIN && addressees_fit(addressees, bulla_answer_stamp(*answer)) <= 0)) {
        bulla_answer_free(*answer);
        *answer = NULL;
        snprintf(error->text, sizeof error->text, "the list of addressees is another mail's");
        status = BULLA_MALFORMED;
    }
    if (status == BULLA_OK) {
        bulla_view view = bulla_lease_path(lease);

        text_add(&path, view.data, view.length);
        status = bulla_receipter_accept(host->receipter, lease, answer, error);
        if (status == BULLA_OK && !path.failed)
            unlink(path.data);
    }
    text_free(&path);
    bulla_lease_free(lease);
    bulla_store_stream_free(stream);
    bulla_store_free(store);
    bulla_opener_free(opener);
    return status;
}

bulla_status whole_stored(const struct host *host, const struct addressees *addressees, const char *reader, const struct text *envelope,
                          const char *folder, bulla_answer **answer, bulla_error *error)
{
    bulla_status status = addressee_commit(host, addressees, reader, error);
    int complete = status == BULLA_OK ? addressees_complete(host, addressees) : 0;

    if (status != BULLA_OK)
        return status;
    if (complete < 0)
        snprintf(error->text, sizeof error->text, "the guard cannot tell who has it");
    return complete < 0 ? BULLA_GUARD_UNAVAILABLE : complete == 0 ? BULLA_NOTHING : store_again(host, addressees, envelope, folder, answer, error);
}
