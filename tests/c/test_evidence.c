#include "harness.h"

const struct test test_evidence[] = {
    END,
};
