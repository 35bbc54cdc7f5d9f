/// Keys that are held elsewhere: by an agent, a token, an HSM.
#ifndef BULLA_HOLDER_HPP
#define BULLA_HOLDER_HPP

#include <array>

#include "identity.hpp"

namespace bulla {

/// What an external holder of keys can do. What is not set it cannot. Nothing, or what it throws, is BULLA_KEY_UNAVAILABLE.
struct holder {
    using signature = std::array<std::uint8_t, 64>;
    using secret = std::array<std::uint8_t, 32>;
    /// The pure Ed25519 signature of the message. It is checked before it is used.
    std::function<std::optional<signature>(bytes_view message)> sign;
    /// Uses the secret half of the encryption key of this suite and generation on `enc`: decapsulates (RFC 9180 section 4.1), or only
    /// multiplies (X25519), and the library does the rest. One of the two is enough, and not both may be given.
    using derive = std::function<std::optional<secret>(std::uint32_t suite, std::uint32_t generation, bytes_view enc)>;
    derive decapsulate;
    derive multiply;

    /// Makes an identity of it, whose public keys are these.
    static result<identity> identity_of(const public_identity& keys, holder of) {
        auto context = std::make_unique<holder>(std::move(of));
        bulla_holder functions{};
        functions.size = sizeof functions;
        functions.context = context.get();
        functions.drop = &detail::drop<holder>;
        functions.sign = context->sign ? &call_sign : nullptr;
        functions.decapsulate = context->decapsulate ? &call_derive<&holder::decapsulate> : nullptr;
        functions.multiply = context->multiply ? &call_derive<&holder::multiply> : nullptr;
        return detail::given(context, detail::made<identity, bulla_identity>([&](auto** out, auto* why) {
                                 return bulla_identity_external(detail::raw(keys), &functions, out, why);
                             }));
    }

  private:
    template <std::size_t N> static bulla_status put(const std::optional<std::array<std::uint8_t, N>>& made, std::uint8_t* to) {
        if (!made) {
            return BULLA_KEY_UNAVAILABLE;
        }
        for (std::uint8_t byte : *made) {
            *to++ = byte;
        }
        return BULLA_OK;
    }
    static bulla_status call_sign(void* context, const std::uint8_t* message, std::size_t length, std::uint8_t* to) noexcept {
        return detail::contained<bulla_status>(
            BULLA_KEY_UNAVAILABLE, [&] { return put(static_cast<holder*>(context)->sign(bytes_view(message, length)), to); });
    }
    template <derive holder::*Which>
    static bulla_status call_derive(void* context, std::uint32_t suite, std::uint32_t which, const std::uint8_t* enc,
                                    std::size_t length, std::uint8_t* to) noexcept {
        return detail::contained<bulla_status>(BULLA_KEY_UNAVAILABLE, [&] {
            auto made = (static_cast<holder*>(context)->*Which)(suite, which, bytes_view(enc, length));
            const bulla_status code = put(made, to);
            if (made) {
                volatile std::uint8_t* at = made->data();
                for (std::size_t index = 0; index < made->size(); ++index) {
                    at[index] = 0;
                }
            }
            return code;
        });
    }
};

} // namespace bulla

#endif
