#include <iterator>
#include <utility>

#include "cli/command.h"

namespace tenure::cli {

std::vector<Command> all_commands() {
  std::vector<Command> table;
  const auto add = [&table](std::vector<Command> rows) {
    table.insert(table.end(), std::make_move_iterator(rows.begin()),
                 std::make_move_iterator(rows.end()));
  };
  add(project_commands());
  add(server_commands());
  add(data_commands());
  add(feature_commands());
  add(model_commands());
  add(registry_commands());
  add(traffic_commands());
  add(monitor_commands());
  add(pipeline_commands());
  add(admin_commands());
  add(token_commands());
  add(backup_commands());
  return table;
}

}  // namespace tenure::cli
