#include "authors.h"

#include "address.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int author_is(const struct host *host, const char *address, const bulla_key *signer)
{
    return keys_sign(host->keys, address, signer);
}

/* The addresses of From; 0, or -1 for want of memory. */
static int authors_read(const struct header *header, struct addresses *authors, size_t *fields)
{
    char *from = header_value(header, "From");

    *fields = header_count(header, "From");
    if (from != NULL)
        addresses_read(authors, from);
    authors->failed |= header->failed || (from == NULL && *fields > 0);
    free(from);
    return authors->failed ? -1 : 0;
}

int authors_are(const struct host *host, const struct header *header, const bulla_key *signer)
{
    struct addresses authors = {0};
    size_t fields;
    int result = authors_read(header, &authors, &fields) != 0 ? AUTHORS_UNKNOWN : fields > 1 ? -1 : authors.count > 0;

    /* Who signs for one of several authors has not signed for the others (RFC 5322, 3.6.2). */
    for (size_t i = 0; i < authors.count && result >= 0; i++) {
        int one = author_is(host, authors.list[i], signer);

        result = one < result ? one : result;
    }
    if (result > 0 && authors.local)
        result = 0;
    addresses_free(&authors);
    return result;
}

/* Whether a domain ("@b.test") is of this host or of those who receive here: nobody outside is a mail server of theirs. */
static int is_of_here(const struct host *host, const struct mail *mail, const char *domain)
{
    size_t ours = strlen(host->config->domain), length = strlen(domain + 1);
    char other[ADDRESS_ROOM];

    if (length <= ours && strcasecmp(host->config->domain + ours - length, domain + 1) == 0 &&
        (length == ours || host->config->domain[ours - length - 1] == '.'))
        return 1;
    for (size_t i = 0; i < mail->count; i++)
        if (address_domain(mail->recipients[i], other, sizeof other) < sizeof other && strcmp(other, domain) == 0)
            return 1;
    return 0;
}

/* Bounces are made by mail servers, which seal nothing. They come without a sender, and claim no author but the server. */
static int is_bounce(const struct host *host, const struct mail *mail, const struct addresses *authors, size_t fields)
{
    static const char name[] = "mailer-daemon@";
    char address[ADDRESS_ROOM];

    return *mail->from == 0 && fields == 1 && authors->count == 1 && !authors->local &&
           address_normal(authors->list[0], NULL, 1, address, sizeof address) < sizeof address &&
           strncmp(address, name, sizeof name - 1) == 0 && !is_of_here(host, mail, address + sizeof name - 2);
}

int plain_is_refused(const struct host *host, const struct mail *mail)
{
    struct addresses authors = {0};
    const bulla_public *identity;
    bulla_key key;
    size_t fields = 0;
    int refused = 0;

    if (host->config->plain == PLAIN_ACCEPT)
        return 0;
    if (authors_read(&mail->header, &authors, &fields) == 0 && fields == 0)
        addresses_read(&authors, mail->from);
    if (authors.failed)
        refused = -1;
    else if (is_bounce(host, mail, &authors, fields))
        refused = 0;
    else
        /* A name without a domain is one of ours, as mail servers and programs read it. */
        refused = host->config->plain == PLAIN_REFUSE || fields > 1 || (fields > 0 && authors.local);
    for (size_t i = 0; i < authors.count && refused == 0 && !is_bounce(host, mail, &authors, fields); i++)
        refused = keys_find(host->keys, authors.list[i], &identity, &key) == FOUND_KEY;
    addresses_free(&authors);
    return refused;
}
