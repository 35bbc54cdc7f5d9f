/// A replay guard of the host's own, over a store that it has anyway. The guards of the library are the safer choice.
#ifndef BULLA_GUARD_OF_HOST_HPP
#define BULLA_GUARD_OF_HOST_HPP

#include "guard.hpp"

namespace bulla {

/// What the gate asks a guard to remember. A guard heeds every field.
using claim = bulla_claim;
/// Names one reservation.
using lease_token = bulla_lease_token;

/// What a guard says of a claim: one of BULLA_CLAIM_NEW to BULLA_CLAIM_UNASKED.
struct claimed {
    std::uint32_t answer = 0;
    /// With BULLA_CLAIM_NEW: the number of the reservation.
    std::uint64_t number = 0;
    /// With BULLA_CLAIM_SAME: the stored receipt.
    std::vector<std::uint8_t> receipt;
};

/// A guard of the host's own. Each function is one atomic step for any number of threads; what it returns is a code that
/// bulla.h names for it (BULLA_OK, BULLA_LEASE_LOST, …). What else it returns, or throws, is BULLA_GUARD_UNAVAILABLE, and then
/// nothing is accepted. See bulla_guard_callbacks in bulla.h for what each must do.
class host_guard {
  public:
    host_guard() = default;
    host_guard(const host_guard&) = delete;
    host_guard& operator=(const host_guard&) = delete;
    virtual ~host_guard() = default;

    virtual bulla_status observe(std::uint64_t now, std::uint64_t& time) = 0;
    /// Without a lease (seconds) the entry is accepted at once.
    virtual bulla_status claim(const bulla::claim& what, std::uint64_t now, std::optional<std::uint64_t> lease, claimed& to) = 0;
    virtual bulla_status commit(const lease_token& token, bytes_view receipt) = 0;
    virtual bulla_status release(const lease_token& token) = 0;
    virtual bulla_status renew(const lease_token& token, std::uint64_t now, std::uint64_t lease) = 0;
    /// The defaults below are those of a guard that cannot do it.
    virtual bulla_status sweep(std::uint64_t, std::size_t, std::size_t& dropped) {
        dropped = 0;
        return BULLA_OK;
    }
    virtual bulla_status expect(const digest&, std::uint64_t, std::uint64_t) { return BULLA_GUARD_UNAVAILABLE; }
    virtual bulla_status missing(const digest&, ranges&) { return BULLA_GUARD_UNAVAILABLE; }
    virtual bulla_status skip(const digest&, std::uint64_t) { return BULLA_GUARD_UNAVAILABLE; }
    virtual bulla_status forget_stream(const digest&, bool&) { return BULLA_GUARD_UNAVAILABLE; }
    virtual bulla_status permit(const digest&, std::uint64_t, std::uint64_t, std::uint32_t, bool& permitted) {
        permitted = false;
        return BULLA_OK;
    }
    /// Changes nothing: the stored receipt, if this message was accepted before by an entry that holds for this claim.
    virtual bulla_status look(const bulla::claim&, std::optional<std::vector<std::uint8_t>>& receipt) {
        receipt.reset();
        return BULLA_OK;
    }

    /// Makes a guard of it.
    static result<guard> make(std::unique_ptr<host_guard> of);
};

namespace detail {

struct guard_calls {
    template <class Work> static bulla_status run(void* context, Work&& work) noexcept {
        return contained<bulla_status>(BULLA_GUARD_UNAVAILABLE, [&] { return work(*static_cast<host_guard*>(context)); });
    }
    static bulla_status observe(void* context, std::uint64_t now, std::uint64_t* time) noexcept {
        return run(context, [&](host_guard& guard) { return guard.observe(now, *time); });
    }
    static bulla_status claim(void* context, const bulla_claim* what, std::uint64_t now, const std::uint64_t* lease,
                              std::uint32_t* answer, std::uint64_t* number, bulla_buffer* receipt) noexcept {
        return run(context, [&](host_guard& guard) -> bulla_status {
            claimed to;
            const bulla_status code =
                guard.claim(*what, now, lease == nullptr ? std::nullopt : std::optional<std::uint64_t>(*lease), to);
            if (code != BULLA_OK) {
                return code;
            }
            *answer = to.answer;
            *number = to.number;
            return to.answer == BULLA_CLAIM_SAME ? bulla_buffer_append(receipt, to.receipt.data(), to.receipt.size(), nullptr)
                                                 : BULLA_OK;
        });
    }
    static bulla_status commit(void* context, const bulla_lease_token* token, const std::uint8_t* receipt,
                               std::size_t length) noexcept {
        return run(context, [&](host_guard& guard) { return guard.commit(*token, bytes_view(receipt, length)); });
    }
    static bulla_status release(void* context, const bulla_lease_token* token) noexcept {
        return run(context, [&](host_guard& guard) { return guard.release(*token); });
    }
    static bulla_status renew(void* context, const bulla_lease_token* token, std::uint64_t now, std::uint64_t lease) noexcept {
        return run(context, [&](host_guard& guard) { return guard.renew(*token, now, lease); });
    }
    static bulla_status sweep(void* context, std::uint64_t now, std::size_t at_most, std::size_t* dropped) noexcept {
        return run(context, [&](host_guard& guard) { return guard.sweep(now, at_most, *dropped); });
    }
    static bulla_status expect(void* context, const bulla_digest* challenge, std::uint64_t until, std::uint64_t now) noexcept {
        return run(context, [&](host_guard& guard) { return guard.expect(*challenge, until, now); });
    }
    static bulla_status missing(void* context, const bulla_digest* stream, bulla_ranges* to) noexcept {
        return run(context, [&](host_guard& guard) -> bulla_status {
            ranges found;
            bulla_status code = guard.missing(*stream, found);
            for (auto range = found.begin(); code == BULLA_OK && range != found.end(); ++range) {
                code = bulla_ranges_add(to, range->first, range->second, nullptr);
            }
            return code;
        });
    }
    static bulla_status skip(void* context, const bulla_digest* stream, std::uint64_t before) noexcept {
        return run(context, [&](host_guard& guard) { return guard.skip(*stream, before); });
    }
    static bulla_status forget_stream(void* context, const bulla_digest* stream, std::uint8_t* was_known) noexcept {
        return run(context, [&](host_guard& guard) {
            bool known = false;
            const bulla_status code = guard.forget_stream(*stream, known);
            *was_known = known ? 1 : 0;
            return code;
        });
    }
    static bulla_status look(void* context, const bulla_claim* what, std::uint8_t* found, bulla_buffer* receipt) noexcept {
        return run(context, [&](host_guard& guard) -> bulla_status {
            std::optional<std::vector<std::uint8_t>> stored;
            const bulla_status code = guard.look(*what, stored);
            if (code != BULLA_OK) {
                return code;
            }
            *found = stored ? 1 : 0;
            return stored ? bulla_buffer_append(receipt, stored->data(), stored->size(), nullptr) : BULLA_OK;
        });
    }
    static bulla_status permit(void* context, const bulla_digest* what, std::uint64_t now, std::uint64_t every,
                               std::uint32_t burst, std::uint8_t* permitted) noexcept {
        return run(context, [&](host_guard& guard) {
            bool may = false;
            const bulla_status code = guard.permit(*what, now, every, burst, may);
            *permitted = may ? 1 : 0;
            return code;
        });
    }
};

} // namespace detail

inline result<guard> host_guard::make(std::unique_ptr<host_guard> of) {
    bulla_guard_callbacks functions{};
    functions.size = sizeof functions;
    functions.context = of.get();
    functions.drop = &detail::drop<host_guard>;
    if (of) {
        functions.observe = &detail::guard_calls::observe;
        functions.claim = &detail::guard_calls::claim;
        functions.commit = &detail::guard_calls::commit;
        functions.release = &detail::guard_calls::release;
        functions.renew = &detail::guard_calls::renew;
        functions.sweep = &detail::guard_calls::sweep;
        functions.expect = &detail::guard_calls::expect;
        functions.missing = &detail::guard_calls::missing;
        functions.skip = &detail::guard_calls::skip;
        functions.forget_stream = &detail::guard_calls::forget_stream;
        functions.permit = &detail::guard_calls::permit;
        functions.look = &detail::guard_calls::look;
    }
    return detail::given(of, detail::made<guard, bulla_guard>([&](auto** out, auto* why) {
                             return bulla_guard_of_callbacks(&functions, out, why);
                         }));
}

} // namespace bulla

#endif
