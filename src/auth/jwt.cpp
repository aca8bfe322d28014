#include "auth/jwt.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "core/json.h"

namespace tenure::auth {
namespace {

using core::Json;
using core::JsonObject;
using core::SignatureAlgorithm;

constexpr std::size_t kLengthMax = 8192;
constexpr std::size_t kNameMax = 256;
constexpr std::size_t kKeysMax = 64;
constexpr core::Micros kLeewayMax = 60'000'000;

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

core::Error refused(const char* why) {
  return core::Error{core::ErrorCode::kUnauthenticated, why};
}

/// RFC 7515: base64url without padding, and nothing else.
std::optional<std::string> decode(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    int value = -1;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    if (c >= '0' && c <= '9') value = c - '0' + 52;
    if (c == '-') value = 62;
    if (c == '_') value = 63;
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xFF);
  }
  // What is left over must be zero, or one token could be written in several ways.
  if ((bits & ((1U << held) - 1)) != 0) return std::nullopt;
  return out;
}

std::string_view text_member(const JsonObject& object, std::string_view name) {
  const Json* found = object.if_contains(name);
  if (found == nullptr || !found->is_string()) return {};
  return {found->get_string().data(), found->get_string().size()};
}

std::string_view algorithm_name(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::kRs256:
      return "RS256";
    case SignatureAlgorithm::kEs256:
      return "ES256";
    case SignatureAlgorithm::kEdDsa:
      break;
  }
  return "EdDSA";
}

/// A key of a JWKS; nothing when it is of a kind that is not used here.
core::Result<std::optional<core::PublicKey>> read_key(const JsonObject& jwk) {
  const std::string_view use = text_member(jwk, "use");
  if (!use.empty() && use != "sig") return std::optional<core::PublicKey>();
  const std::string_view kind = text_member(jwk, "kty");
  const std::string_view curve = text_member(jwk, "crv");
  const bool is_rsa = kind == "RSA";
  const bool is_p256 = kind == "EC" && curve == "P-256";
  const bool is_ed25519 = kind == "OKP" && curve == "Ed25519";
  if (!is_rsa && !is_p256 && !is_ed25519) return std::optional<core::PublicKey>();
  const auto first = decode(text_member(jwk, is_rsa ? "n" : "x"));
  const auto second = decode(text_member(jwk, is_rsa ? "e" : "y"));
  if (!first || !second) return invalid("its numbers are not base64url");
  auto key = is_rsa    ? core::PublicKey::rsa(*first, *second)
             : is_p256 ? core::PublicKey::p256(*first, *second)
                       : core::PublicKey::ed25519(*first);
  if (!key) return std::move(key).error();
  // A key for RS512, say, is none for us.
  const std::string_view wanted = text_member(jwk, "alg");
  if (!wanted.empty() && wanted != algorithm_name(key->algorithm()))
    return std::optional<core::PublicKey>();
  return std::optional<core::PublicKey>(*std::move(key));
}

/// Seconds since 1970 as microseconds; nothing when absent, no number, or beyond the year 9999.
std::optional<core::Micros> time_member(const JsonObject& claims, std::string_view name) {
  const Json* found = claims.if_contains(name);
  if (found == nullptr || !found->is_number()) return std::nullopt;
  const double seconds = found->to_number<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 253'402'300'799.0) return std::nullopt;
  return static_cast<core::Micros>(seconds * 1e6);
}

/// Calls `visit` with a text, or with each text of a list.
template <typename Visit>
void each_text(const Json* value, const Visit& visit) {
  if (value == nullptr) return;
  if (value->is_string()) visit(std::string_view(value->get_string()));
  if (!value->is_array()) return;
  for (const Json& one : value->get_array()) {
    if (one.is_string()) visit(std::string_view(one.get_string()));
  }
}

bool holds(const Json* value, std::string_view wanted) {
  bool is_found = false;
  each_text(value, [&](std::string_view text) { is_found |= text == wanted; });
  return is_found;
}

}  // namespace

bool looks_like_jwt(std::string_view text) {
  return std::count(text.begin(), text.end(), '.') == 2;
}

core::Result<std::shared_ptr<const JwtVerifier>> JwtVerifier::make(std::string_view jwks,
                                                                   JwtOptions options) {
  if (options.issuer.empty() || options.audience.empty())
    return invalid(
        "an issuer and an audience are needed, so that a token for another program is "
        "none for this one");
  if (options.leeway < 0 || options.leeway > kLeewayMax)
    return invalid("the leeway should be at most 60s");
  const auto json = core::parse_json(jwks);
  const JsonObject* whole = json ? json->if_object() : nullptr;
  const Json* list = whole != nullptr ? whole->if_contains("keys") : nullptr;
  if (list == nullptr || !list->is_array() || list->get_array().size() > kKeysMax)
    return invalid(
        fmt::format("expected a JWKS, {{\"keys\": [...]}} with at most {} keys", kKeysMax));
  std::vector<Key> keys;
  for (const Json& one : list->get_array()) {
    const JsonObject* jwk = one.if_object();
    if (jwk == nullptr) return invalid("a key of the JWKS is no object");
    auto key = read_key(*jwk);
    const std::string id(text_member(*jwk, "kid"));
    if (!key) return std::move(key).error().within(fmt::format("key '{}' of the JWKS", id));
    if (*key) keys.push_back({id, **std::move(key)});
  }
  if (keys.empty())
    return invalid("the JWKS has no key for RS256, ES256 or EdDSA (Ed25519) signatures");
  return std::shared_ptr<const JwtVerifier>(
      new JwtVerifier(std::move(options), std::move(keys)));  // NOLINT: a private constructor
}

/// The key decides how it signs; the token's `alg` must agree, and chooses nothing.
bool JwtVerifier::is_signed(std::string_view head, std::string_view signed_part,
                            std::string_view signature) const {
  const auto json = core::parse_json(head, {.depth_max = 8});
  const JsonObject* header = json ? json->if_object() : nullptr;
  // RFC 7515: what `crit` names must be understood, and nothing is here.
  if (header == nullptr || header->contains("crit")) return false;
  const std::string_view algorithm = text_member(*header, "alg");
  const std::string_view id = text_member(*header, "kid");
  if (!id.empty() && std::ranges::find(keys_, id, &Key::id) == keys_.end()) {
    // A store only when it tells something new: the flag is shared by all threads.
    if (!has_unknown_key_.load(std::memory_order_relaxed)) has_unknown_key_ = true;
    return false;
  }
  return std::ranges::any_of(keys_, [&](const Key& one) {
    return algorithm_name(one.key.algorithm()) == algorithm && (id.empty() || one.id == id) &&
           one.key.verifies(signed_part, signature);
  });
}

core::Result<Token> JwtVerifier::verify(std::string_view jwt, core::Micros now) const {
  if (jwt.size() > kLengthMax || !looks_like_jwt(jwt)) return refused("not a JWT");
  const std::size_t first = jwt.find('.');
  const std::size_t second = jwt.find('.', first + 1);
  const auto head = decode(jwt.substr(0, first));
  const auto payload = decode(jwt.substr(first + 1, second - first - 1));
  const auto signature = decode(jwt.substr(second + 1));
  if (!head || !payload || !signature) return refused("not base64url");
  if (!is_signed(*head, jwt.substr(0, second), *signature))
    return refused("not signed by a known key");
  const auto json = core::parse_json(*payload, {.depth_max = 16});
  const JsonObject* claims = json ? json->if_object() : nullptr;
  if (claims == nullptr) return refused("the claims are no object");
  if (text_member(*claims, "iss") != options_.issuer) return refused("of another issuer");
  if (!holds(claims->if_contains("aud"), options_.audience)) return refused("for another audience");
  const auto expires = time_member(*claims, "exp");
  if (!expires) return refused("without an end");
  if (now >= *expires + options_.leeway) return refused("expired");
  const auto begins = time_member(*claims, "nbf");
  if (claims->contains("nbf") && (!begins || now + options_.leeway < *begins))
    return refused("not valid yet");

  Token token;
  const std::string_view subject = text_member(*claims, "sub");
  if (subject.empty() || subject.size() > kNameMax) return refused("without a subject");
  // Told apart from a token of ours in the audit trail.
  token.name = fmt::format("jwt:{}", subject);
  token.digest = core::sha256(jwt);
  token.expires = *expires + options_.leeway;
  token.role = core::Role::kAnyone;
  each_text(claims->if_contains(options_.role_claim), [&](std::string_view text) {
    token.role = std::max(token.role, core::parse_role(text).value_or(core::Role::kAnyone));
  });
  const Json* models = claims->if_contains(options_.models_claim);
  each_text(models, [&](std::string_view text) { token.models.emplace_back(text); });
  // An empty list means all models to the guard, and none to whoever wrote it.
  if (models != nullptr && token.models.empty()) return refused("for no model");
  return token;
}

}  // namespace tenure::auth
