#include "cli/command.h"

#include <set>

#include <gtest/gtest.h>

namespace tenure::cli {
namespace {

TEST(CommandTable, EveryCommandHasASummaryAnExampleOfItselfAndUniqueOptions) {
  std::set<std::string_view> names;
  for (const Command& command : all_commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_TRUE(command.example.starts_with("tenure " + std::string(command.name))) << command.name;
    std::set<std::string_view> options;
    for (const Option& option : command.options) {
      EXPECT_TRUE(options.insert(option.name).second) << command.name << " " << option.name;
      EXPECT_FALSE(option.help.empty()) << command.name << " " << option.name;
    }
  }
}

TEST(Completion, KnowsEveryCommandAndOptionInEveryShell) {
  const std::vector<Command> commands = all_commands();
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(shell, commands);
    ASSERT_TRUE(script) << shell;
    for (const char* word :
         {"materialize-incremental", "rollback", "doctor", "positive", "revoke", "expires"})
      EXPECT_NE(script->find(word), std::string::npos) << shell << " " << word;
  }
}

TEST(Completion, RefusesAnUnknownShell) {
  const auto script = completion_script("csh", {});
  ASSERT_FALSE(script);
  EXPECT_EQ(script.error().code, core::ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace tenure::cli
