#include <fmt/format.h>

#include "app/backup_tasks.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/render.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

/// A line now and then, on standard error; none for programs.
app::BackupProgress progress_of(const Arguments& arguments) {
  if (arguments.is_json) return {};
  return [](std::int64_t done, std::int64_t total) {
    constexpr std::int64_t kEvery = 500;
    if (done % kEvery == 0 || (done == total && total > kEvery)) {
      write_message(fmt::format("{} of {} objects\n", with_thousands(done), with_thousands(total)));
    }
  };
}

core::Result<Output> back_up(const Arguments& arguments) {
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto made = app::back_up(
      **project, {.folder = arguments.text("FOLDER"), .progress = progress_of(arguments)});
  if (!made) return std::move(made).error();
  std::string text =
      fmt::format("The database and {} objects ({} bytes) are in {}.\n", field(*made, "objects"),
                  field(*made, "bytes"), field(*made, "folder"));
  return Output{*std::move(made), std::move(text)};
}

core::Result<Output> restore(const Arguments& arguments) {
  auto project = app::Project::open_tracking(arguments.config);
  if (!project) return std::move(project).error();
  auto done = app::restore(**project, {.folder = arguments.text("FOLDER"),
                                       .is_forced = arguments.flag("--force"),
                                       .progress = progress_of(arguments)});
  if (!done) return std::move(done).error();
  std::string text =
      fmt::format("The database and {} objects of {}, as they were at {}, are restored.\n",
                  field(*done, "objects"), field(*done, "project"), field(*done, "made"));
  return Output{*std::move(done), std::move(text)};
}

}  // namespace

std::vector<Command> backup_commands() {
  return {
      {"admin backup",
       "Copy the database and all artifacts into a new folder, while the server runs",
       "tenure admin backup /backups/churn-monday",
       {{"FOLDER", Kind::kArgument, "", "Where to; must not be there yet", "", true}},
       back_up},
      {"admin restore",
       "Fill a new project from a backup, after checking every file",
       "tenure admin restore /backups/churn-monday",
       {{"FOLDER", Kind::kArgument, "", "What `tenure admin backup` made", "", true},
        {"--force", Kind::kFlag, "", "Replace the database of a project that holds something"}},
       restore},
  };
}

}  // namespace tenure::cli
