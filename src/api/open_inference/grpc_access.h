#pragma once

#include <string_view>

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include "api/routes.h"
#include "core/role.h"

namespace tenure::api {

/// May this call pass? Reads the metadata `authorization` (Bearer, Basic) and `x-api-key`. OK, or
/// UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED with `retry-after` in the trailing
/// metadata. `model` is the one the call names; "" = none in particular.
grpc::Status admit(const Services& services, grpc::ServerContextBase& context, core::Role needed,
                   std::string_view model);

/// Whether a call that is open to everyone shows a token that may ask about the model, and so may
/// be told more. Everybody, where no tokens are asked for.
bool is_friend(const Services& services, grpc::ServerContextBase& context, std::string_view model);

}  // namespace tenure::api
