#include "auth/token_table.h"

#include <bit>
#include <cstring>

namespace tenure::auth {
namespace {

/// A digest's bytes are as good as random already.
std::size_t place_of(const core::Sha256Digest& digest) {
  std::size_t place = 0;
  std::memcpy(&place, digest.data(), sizeof place);
  return place;
}

}  // namespace

TokenTable::TokenTable(const std::vector<Token>& tokens, const TokenTable* before) {
  for (const Token& token : tokens) {
    if (token.revoked != 0) continue;
    const Entry* known = before != nullptr ? before->find(token.digest) : nullptr;
    entries_.push_back({token, known != nullptr ? known->use : std::make_shared<TokenUse>()});
  }
  by_digest_.resize(std::bit_ceil(entries_.size() * 2 + 1));
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::size_t at = place_of(entries_[i].token.digest) % by_digest_.size();
    while (by_digest_[at] != 0) at = (at + 1) % by_digest_.size();
    by_digest_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

const TokenTable::Entry* TokenTable::find(const core::Sha256Digest& digest) const {
  for (std::size_t at = place_of(digest) % by_digest_.size(); by_digest_[at] != 0;
       at = (at + 1) % by_digest_.size()) {
    const Entry& entry = entries_[by_digest_[at] - 1];
    if (core::are_equal_in_constant_time(entry.token.digest, digest)) return &entry;
  }
  return nullptr;
}

}  // namespace tenure::auth
