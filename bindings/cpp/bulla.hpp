/// Bulla for C++17: seal, sign and freshness-stamp messages, end to end. Header-only, over bulla.h alone.
///
/// - Handles are types that can be moved and not copied; what was made with one keeps what it needs, so they may be destroyed in
///   any order. One that was moved from fails with BULLA_INVALID_INPUT.
/// - Each operation gives a bulla::result. With exceptions: `.value()` throws bulla::error. Without: look at it first. With
///   -fno-exceptions `.value()` of a failure ends the program.
/// - Answers that are no failures ("it came before") come as std::variant or std::optional, so that none can be overlooked.
/// - Functions of yours may be called from any thread that uses what they were given to; they are destroyed when it is. What one
///   throws is caught, and counts as a failure of it.
/// - What bulla.h says of threads holds: identities, sealers, openers, guards, stores may be shared; streams, leases and buffers are
///   for one thread at a time.
#ifndef BULLA_HPP
#define BULLA_HPP

#include "bulla/audit.hpp"
#include "bulla/evidence.hpp"
#include "bulla/guard.hpp"
#include "bulla/guard_list.hpp"
#include "bulla/guard_of_host.hpp"
#include "bulla/holder.hpp"
#include "bulla/identity.hpp"
#include "bulla/message.hpp"
#include "bulla/open.hpp"
#include "bulla/outbox.hpp"
#include "bulla/random_access.hpp"
#include "bulla/receipt.hpp"
#include "bulla/result.hpp"
#include "bulla/seal.hpp"
#include "bulla/store.hpp"
#include "bulla/version.hpp"
#include "bulla/view.hpp"

#endif
