#define _POSIX_C_SOURCE 200809L
#include "place.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

static enum scheme scheme_of(const char *name)
{
    static const struct { const char *name; enum scheme scheme; } known[] = {
        {"sftp", SFTP}, {"ftp", FTP}, {"ftps", FTP}, {"file", LOCAL}, {"http", HTTP}, {"https", HTTP},
    };

    for (size_t at = 0; at < sizeof known / sizeof known[0]; at++)
        if (strcmp(name, known[at].name) == 0)
            return known[at].scheme;
    return UNKNOWN;
}

static int has_control(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return 1;
    return 0;
}

/* One part of a URL. 0 if it has none, or a longer one. */
static int part(CURLU *url, CURLUPart what, unsigned flags, char *to, size_t size)
{
    char *text = NULL;
    int fits = curl_url_get(url, what, &text, flags) == CURLUE_OK && strlen(text) < size;

    if (fits)
        strcpy(to, text);
    curl_free(text);
    return fits;
}

const char *place_refuses(const char *name)
{
    /* A line end would end a command of FTP, and for some servers a backslash is a slash. */
    if (has_control(name) || strpbrk(name, "/\\") != NULL)
        return "its name has control characters, a slash or a backslash in it, and some server could take that for something else";
    return name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? "its name is none of a file" : NULL;
}

/* A name as one segment of a URL: strangers have chosen it, and %2f, # and ? are no more than letters of it. 0 if it is too long. */
static int segment(const char *name, char *to, size_t size)
{
    char *text = curl_easy_escape(NULL, name, 0);
    int fits = text != NULL && strlen(text) < size;

    if (fits)
        strcpy(to, text);
    curl_free(text);
    return fits;
}

static const char *look_at(CURLU *url, const char *folder, const char *name, struct place *place)
{
    char text[LONGEST];
    char file[LONGEST];
    char path[2 * LONGEST + 2];

    if (curl_url_set(url, CURLUPART_URL, folder, 0) != CURLUE_OK || !part(url, CURLUPART_SCHEME, 0, text, sizeof text))
        return "it is no URL: write for example sftp://user@host/folder";
    place->scheme = scheme_of(text);
    if (place->scheme == UNKNOWN)
        return "it is none of sftp, ftp, ftps, file, http, https";
    /* It would be kept in the outbox, and shown in lists of processes. */
    if (part(url, CURLUPART_PASSWORD, 0, text, sizeof text))
        return "a password is in it: put that into ~/.netrc, or use a key";
    /* So would what often is one: ?sig=SECRET. */
    if (part(url, CURLUPART_QUERY, 0, text, sizeof text) || part(url, CURLUPART_FRAGMENT, 0, text, sizeof text))
        return "a query (?) or a fragment (#) is in it: a folder has none";
    if (!part(url, CURLUPART_PATH, CURLU_URLDECODE, place->folder, sizeof place->folder - 1) || has_control(place->folder))
        return "its path is too long, or has control characters in it";
    if (place->folder[strlen(place->folder) - 1] != '/')
        strcat(place->folder, "/");
    if (!part(url, CURLUPART_PATH, 0, text, sizeof text))
        return "it is too long";
    const char *slash = text[strlen(text) - 1] == '/' ? "" : "/";
    snprintf(path, sizeof path, "%s%s", text, slash);
    if (curl_url_set(url, CURLUPART_PATH, path, 0) != CURLUE_OK ||
        !part(url, CURLUPART_URL, 0, place->folder_url, sizeof place->folder_url))
        return "it is too long";
    if (!segment(name, file, sizeof file))
        return "it is too long";
    snprintf(path, sizeof path, "%s%s%s", text, slash, file);
    if (curl_url_set(url, CURLUPART_PATH, path, 0) != CURLUE_OK || !part(url, CURLUPART_URL, 0, place->url, sizeof place->url))
        return "it is too long";
    /* sftp://host/~/folder is below the home; elsewhere the path is from the root on. */
    if (place->scheme == SFTP && strncmp(place->folder, "/~/", 3) == 0)
        memmove(place->folder, place->folder + 3, strlen(place->folder + 3) + 1);
    return NULL;
}

const char *place_find(const char *folder, const char *name, struct place *place)
{
    CURLU *url = curl_url();
    const char *wrong = url == NULL ? "there is no memory" : place_refuses(name);

    if (wrong == NULL)
        wrong = look_at(url, folder, name, place);
    curl_url_cleanup(url);
    return wrong;
}
