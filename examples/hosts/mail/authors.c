#include "authors.h"

#include "address.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int author_is(const struct host *host, const char *address, const bulla_key *signer)
{
    return keys_sign(host->keys, address, signer);
}

/* Whom a header names: `value` as it stands there, or, if there is no From, as the envelope has it. */
struct authors { struct addresses all; size_t fields; char *value; };

static int authors_read(const struct header *header, const char *otherwise, struct authors *authors)
{
    memset(authors, 0, sizeof *authors);
    authors->fields = header_count(header, "From");
    authors->value = authors->fields > 0 ? header_value(header, "From") : strdup(otherwise);
    if (authors->value == NULL || header->failed)
        authors->all.failed = 1;
    else
        addresses_read(&authors->all, authors->value);
    return authors->all.failed ? -1 : 0;
}

static void authors_free(struct authors *authors)
{
    addresses_free(&authors->all);
    free(authors->value);
}

struct signing { const struct host *host; const bulla_key *signer; };

static int is_of_another(const void *about, const char *address)
{
    const struct signing *signing = about;

    return author_is(signing->host, address, signing->signer) < 0;
}

/* Of what nobody can read for certain nobody is the author for certain; if others read somebody else in it, he has not signed. */
static int marked_are(const struct authors *authors, const struct signing *signing)
{
    int mentioned = addresses_mention(authors->value, is_of_another, signing);

    return mentioned < 0 ? AUTHORS_UNKNOWN : -mentioned;
}

int authors_are(const struct host *host, const struct header *header, const bulla_key *signer)
{
    const struct signing signing = {host, signer};
    struct authors authors;
    int result = authors_read(header, "", &authors) != 0 ? AUTHORS_UNKNOWN : authors.fields > 1 ? -1 : authors.all.count > 0;

    if (result >= 0 && authors.fields > 0 && authors.all.marked)
        result = marked_are(&authors, &signing);
    /* Who signs for one of several authors has not signed for the others (RFC 5322, 3.6.2). */
    for (size_t i = 0; i < authors.all.count && result >= 0; i++) {
        int one = author_is(host, authors.all.list[i], signer);

        result = one < result ? one : result;
    }
    if (result > 0 && authors.all.local)
        result = 0;
    authors_free(&authors);
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
static int is_bounce(const struct host *host, const struct mail *mail, const struct authors *authors)
{
    static const char name[] = "mailer-daemon@";
    const struct addresses *all = &authors->all;
    char address[ADDRESS_ROOM];

    return *mail->from == 0 && authors->fields == 1 && all->count == 1 && !all->local && !all->marked &&
           address_normal(all->list[0], NULL, 1, address, sizeof address) < sizeof address &&
           strncmp(address, name, sizeof name - 1) == 0 && !is_of_here(host, mail, address + sizeof name - 2);
}

static int is_sealing(const void *about, const char *address)
{
    return keys_seal(((const struct host *)about)->keys, address);
}

int plain_is_refused(const struct host *host, const struct mail *mail)
{
    struct authors authors;
    int refused = 0;

    if (host->config->plain == PLAIN_ACCEPT)
        return 0;
    if (authors_read(&mail->header, mail->from, &authors) != 0)
        refused = -1;
    else if (is_bounce(host, mail, &authors))
        refused = 0;
    /* A name without a domain is one of ours, as mail servers and programs read it. */
    else if (host->config->plain == PLAIN_REFUSE || authors.fields > 1 || (authors.fields > 0 && authors.all.local))
        refused = 1;
    else if (authors.all.marked)
        refused = addresses_mention(authors.value, is_sealing, host);
    else
        for (size_t i = 0; i < authors.all.count && refused == 0; i++)
            refused = is_sealing(host, authors.all.list[i]);
    authors_free(&authors);
    return refused;
}
