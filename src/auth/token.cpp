#include "auth/token.h"

#include <fmt/format.h>

#include "core/id.h"

namespace tenure::auth {

NewSecret make_secret() {
  NewSecret secret;
  secret.id = core::random_hex_id().substr(0, 8);
  secret.text = fmt::format("tnr_{}_{}", secret.id, core::random_hex_id());
  return secret;
}

}  // namespace tenure::auth
