#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace tenure::auth {

/// What a client showed, as the protocol carried it; "" = nothing.
struct Credentials {
  std::string_view authorization;  ///< header or metadata `authorization`
  std::string_view api_key;        ///< header or metadata `x-api-key`
  std::string_view remote;         ///< "127.0.0.1:51234", "[::1]:51234"
};

/// The secret in the credentials: of `Authorization: Bearer SECRET`, of `Authorization: Basic`,
/// where it is the password of any user, else of `X-API-Key: SECRET`. Holds what it decodes itself;
/// allocates nothing. The view lives as long as this object and the credentials.
class PresentedSecret {
 public:
  explicit PresentedSecret(const Credentials& credentials);
  PresentedSecret(const PresentedSecret&) = delete;
  PresentedSecret& operator=(const PresentedSecret&) = delete;

  bool is_present() const { return is_present_; }  ///< something was shown, readable or not
  std::string_view text() const { return text_; }  ///< "" when it is not readable

 private:
  void read_basic(std::string_view encoded);
  bool is_present_ = false;
  std::string_view text_;
  std::array<char, 512> decoded_{};
};

}  // namespace tenure::auth
