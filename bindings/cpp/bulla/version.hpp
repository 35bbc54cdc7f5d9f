/// Which library is linked, and with what it was built. The header's version is in BULLA_VERSION and BULLA_ABI_VERSION.
#ifndef BULLA_VERSION_HPP
#define BULLA_VERSION_HPP

#include "handle.hpp"

namespace bulla {

/// The version of the library, such as "0.1.0".
inline std::string_view version() noexcept { return bulla_version(); }
/// The number of its binary interface.
inline std::uint32_t abi_version() noexcept { return bulla_abi_version(); }
/// Whether the library was built with this: "keyfile", "sqlite", "redis".
inline bool has_feature(std::string_view name) {
    const detail::text_of text(name);
    return text.whole() && bulla_has_feature(text.get()) != 0;
}

} // namespace bulla

#endif
