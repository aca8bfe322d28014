#pragma once

#include <string>

#include "app/server_client.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// `tenure traffic`: the arms of a running server, which they are shown of and changed in. Answers
/// are those of its GET /traffic. Errors: those of ask_server.
core::Result<core::Json> show_traffic(const ServerAddress& server);

enum class ArmChange { kTakeOut, kPutBack };
/// `why` is for the audit trail. There the change is the token's; without one, this user's.
core::Result<core::Json> change_arm(const ServerAddress& server, ArmChange change,
                                    const std::string& arm, const std::string& why);

}  // namespace tenure::app
