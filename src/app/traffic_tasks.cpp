#include "app/traffic_tasks.h"

#include <fmt/format.h>

#include "app/project.h"
#include "storage/objects/object_key.h"

namespace tenure::app {

core::Result<core::Json> show_traffic(const ServerAddress& server) {
  return ask_server(server, "GET", "/traffic");
}

core::Result<core::Json> change_arm(const ServerAddress& server, ArmChange change,
                                    const std::string& arm, const std::string& why) {
  const std::string path = fmt::format("/traffic/{}/{}", storage::percent_encode_path(arm),
                                       change == ArmChange::kTakeOut ? "take-out" : "put-back");
  return ask_server(server, "POST", path, core::JsonObject{{"why", why}, {"by", login_name()}});
}

}  // namespace tenure::app
