#include "check.h"

#include "log.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket can be made there: in a folder that is ours to write in, and instead of nothing but a socket of before. */
static int place_check(const char *name, const char *place)
{
    struct text folder = {0};
    struct stat seen;
    const char *slash = strrchr(place, '/');
    int result = -1;

    if (slash != NULL)
        text_add(&folder, place, slash == place ? 1 : (size_t)(slash - place));
    if (*place != '/' || folder.failed)
        log_error("%s: \"%s\" must be the whole path of a socket", name, place);
    else if (strlen(place) >= sizeof ((struct sockaddr_un *)NULL)->sun_path)
        log_error("%s: %s is too long for a socket: %zu characters at most", name, place, sizeof ((struct sockaddr_un *)NULL)->sun_path - 1);
    else if (access(folder.data, W_OK | X_OK) != 0)
        log_error("%s: %s: %s: the user of the milter must be able to make a socket there", name, folder.data, strerror(errno));
    else if (lstat(place, &seen) == 0 && !S_ISSOCK(seen.st_mode))
        log_error("%s: %s is there, and is no socket", name, place);
    else
        result = 0;
    text_free(&folder);
    return result;
}

/* As libmilter has it: unix:PATH, local:PATH, PATH, inet:PORT@HOST or inet6:PORT@HOST. */
static int socket_check(const char *socket)
{
    const char *colon = strchr(socket, ':'), *port;
    char *end;
    long number;

    if (colon == NULL || strncmp(socket, "unix:", 5) == 0 || strncmp(socket, "local:", 6) == 0)
        return place_check("socket", colon == NULL ? socket : colon + 1);
    port = colon + 1;
    number = strtol(port, &end, 10);
    if ((strncmp(socket, "inet:", 5) == 0 || strncmp(socket, "inet6:", 6) == 0) && strspn(port, "0123456789") > 0 && number > 0 &&
        number <= 65535 && (*end == 0 || (*end == '@' && end[1] != 0)))
        return 0;
    return log_error("socket: \"%s\" is neither unix:PATH nor inet:PORT@HOST", socket), -1;
}

int config_check(const struct config *config, const char *path, const char *role, const char *socket)
{
    int opens = role != NULL ? strcmp(role, "open") == 0 : config->role == ROLE_OPEN, result = 0;
    const char *where = socket != NULL ? socket : config->socket;

    if (where != NULL)
        result |= socket_check(where);
    if (config->control != NULL)
        result |= place_check("control", config->control);
    else if (opens)
        result |= (log_error("%s: control must be given: the role open needs it for confirmations", path), -1);
    if (config->submit != NULL && *config->submit == '/' && access(config->submit, X_OK) != 0)
        result |= (log_error("submit: %s: %s", config->submit, strerror(errno)), -1);
    if (config->submit == NULL)
        log_info("%s: without submit there are no receipts and no notices", path);
    if (config->results == KEPT_ALL)
        result |= (log_error("%s: \"results = all\" is for bulla-deliver: who sends from outside may write what it would keep", path), -1);
    return result;
}
