#include "whole.h"

#include "log.h"
#include "receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long an addressee is reserved only to see whether he has the mail. */
#define LOOK_SECONDS 5

/* What was reserved, or was before, is the mail that the list is of. 1, 0, or -1. */
static int is_of(const struct addressees *addressees, const bulla_lease *lease, const bulla_answer *again, const bulla_buffer *content)
{
    /* The guard has compared a copy with what came before. */
    return lease == NULL ? addressees_fit(addressees, bulla_answer_stamp(again))
                         : addressees_are_of(addressees, bulla_lease_stamp(lease), bulla_buffer_data(content), bulla_buffer_length(content));
}

bulla_status whole_lease(const struct host *host, const struct addressees *addressees, const struct text *envelope, bulla_lease **lease,
                         bulla_answer **again, char **receipt_to, bulla_error *error)
{
    bulla_opener *opener = NULL;
    bulla_buffer *content = NULL;
    struct text address = {0};
    bulla_status status = bulla_opener_new(host->identity, host->policy, host->guard, &opener, error);
    int of = 1;

    *receipt_to = NULL;
    if (status == BULLA_OK && (status = bulla_buffer_new(&content, error)) == BULLA_OK)
        status = bulla_open_leased(opener, (const uint8_t *)envelope->data, envelope->length, host->config->lease, content, lease, again,
                                   error);
    if (status == BULLA_OK || status == BULLA_AGAIN) {
        attribute_text(&address, status == BULLA_OK ? bulla_lease_stamp(*lease) : bulla_answer_stamp(*again), ATTRIBUTE_RECEIPT);
        of = is_of(addressees, *lease, *again, content);
        if (of <= 0 || address.failed || (*receipt_to = strdup(address.data)) == NULL) {
            bulla_lease_free(*lease);
            bulla_answer_free(*again);
            *lease = NULL;
            *again = NULL;
            status = of == 0 ? BULLA_MALFORMED : BULLA_IO;
            snprintf(error->text, sizeof error->text, "%s", of == 0 ? "the list of addressees is another mail's" : "");
        }
    }
    text_free(&address);
    bulla_buffer_free(content);
    bulla_opener_free(opener);
    return status;
}

bulla_status whole_accept(const struct host *host, const char *id, bulla_lease *lease, const char *receipt_to)
{
    bulla_answer *answer = NULL;
    bulla_error error = {0};
    bulla_status status = bulla_receipter_accept(host->receipter, lease, &answer, &error);

    /* If the receipt is not kept: it is committed all the same, and the next attempt finds it in the guard. */
    if (status != BULLA_OK)
        log_error("%s is not committed: %s", id, error.text);
    else if (receipt_keep(host, id, receipt_to, bulla_answer_receipt(answer), bulla_answer_outcome(answer)) != 0)
        status = BULLA_IO;
    bulla_answer_free(answer);
    return status;
}

/* Whether an addressee has the mail. 1, 0, or -1 if the guard cannot tell now. */
static int has_it(const struct host *host, const struct addressees *addressees, const char *reader)
{
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;
    bulla_error error;
    bulla_status status = addressee_lease(host, addressees, reader, LOOK_SECONDS, &lease, &again, &error);

    bulla_lease_free(lease);
    bulla_answer_free(again);
    if (status == BULLA_AGAIN || status == BULLA_OK || status == BULLA_PENDING)
        return status == BULLA_AGAIN;
    return bulla_status_class(status) == BULLA_CLASS_REFUSED ? 0 : -1;
}

bulla_status addressee_commit(const struct host *host, const struct addressees *addressees, const char *reader, bulla_error *error)
{
    bulla_lease *lease = NULL;
    bulla_answer *answer = NULL;
    bulla_status status = addressee_lease(host, addressees, reader, host->config->lease, &lease, &answer, error);

    if (status == BULLA_OK)
        status = bulla_lease_accept_unanswered(lease, &answer, error);
    bulla_lease_free(lease);
    bulla_answer_free(answer);
    return status == BULLA_AGAIN ? BULLA_OK : status;
}

int addressees_complete(const struct host *host, const struct addressees *addressees)
{
    int has = 1;

    for (size_t i = addressees->count; i-- > 0 && has > 0;)
        has = has_it(host, addressees, addressees->readers[i]);
    return has;
}

int whole_receipt(const struct host *host, const char *id, const struct addressees *addressees, const struct text *envelope)
{
    bulla_lease *lease = NULL;
    bulla_answer *again = NULL;
    bulla_error error = {0};
    char *receipt_to = NULL;
    int result = 0;
    bulla_status status;

    if (addressees->count > 1 && (result = addressees_complete(host, addressees)) <= 0)
        return result;
    result = 0;
    status = whole_lease(host, addressees, envelope, &lease, &again, &receipt_to, &error);
    if (status == BULLA_OK) {
        result = whole_accept(host, id, lease, receipt_to) == BULLA_OK ? 0 : -1;
    } else if (status == BULLA_AGAIN) {
        result = receipt_keep(host, id, receipt_to, bulla_answer_receipt(again), bulla_answer_outcome(again));
        if (result == 0 && bulla_answer_outcome(again) == BULLA_OUTCOME_REJECTED)
            result = 1;
    } else if (bulla_status_class(status) == BULLA_CLASS_REFUSED || bulla_status_class(status) == BULLA_CLASS_NOT_ACCEPTABLE) {
        log_error("%s was delivered, but can no longer be receipted: %s", id, error.text);
    } else {
        log_info("%s waits for its receipt: %s", id, error.text);
        result = -1;
    }
    free(receipt_to);
    bulla_lease_free(lease);
    bulla_answer_free(again);
    return result;
}
