#include "cli/usage.h"

#include <gtest/gtest.h>

namespace tenure::cli {
namespace {

using Words = std::vector<std::string>;

std::string complaint(const Words& words) {
  const auto unknown = unknown_word(all_commands(), words);
  if (!unknown) return "";
  EXPECT_EQ(unknown->code, core::ErrorCode::kInvalidArgument);
  return unknown->message;
}

TEST(UnknownWord, IsNoneInEveryExampleOfTheHelp) {
  for (const Command& command : all_commands()) {
    Words words;
    for (std::string_view rest = command.name; !rest.empty();) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      words.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    for (const Option& option : command.options)
      words.emplace_back(option.name.starts_with("--") ? option.name : "value");
    for (const char* common : {"--config", "--env=prod", "--set", "--json", "--help", "-c"})
      words.emplace_back(common);
    EXPECT_EQ(complaint(words), "") << command.name;
  }
}

TEST(UnknownWord, NamesTheNearestCommandVerbAndOption) {
  EXPECT_EQ(complaint({"rnu"}), "'rnu' is not a command (did you mean 'run'?); see tenure --help");
  EXPECT_EQ(complaint({"data", "qurey", "x"}),
            "tenure data has no command 'qurey' (did you mean 'query'?); there are: generate, "
            "profile, query");
  EXPECT_EQ(complaint({"admin", "tokens", "revok"}),
            "tenure admin tokens has no command 'revok' (did you mean 'revoke'?); there are: "
            "create, list, revoke");
  EXPECT_EQ(complaint({"traffic", "take-uot", "x"}),
            "tenure traffic has no command 'take-uot' (did you mean 'take-out'?); there are: "
            "take-out, put-back");
  EXPECT_EQ(complaint({"traffic", "take-out", "x", "--wy=1"}),
            "tenure traffic take-out has no option '--wy' (did you mean '--why'?); see tenure "
            "traffic take-out --help");
  EXPECT_EQ(complaint({"traffic", "--sever", "x"}),
            "tenure traffic has no option '--sever' (did you mean '--server'?); see tenure traffic "
            "--help");
  EXPECT_EQ(complaint({"run", "--form", "train"}),
            "tenure run has no option '--form' (did you mean '--from'?); see tenure run --help");
  EXPECT_EQ(complaint({"models", "list", "--colour=red"}),
            "tenure models list has no option '--colour'; see tenure models list --help");
}

TEST(UnknownWord, SaysThatOptionsFollowTheirCommand) {
  EXPECT_EQ(complaint({"--set", "serving.port=1", "up"}),
            "'--set' stands before the command it is for; write tenure COMMAND --set …");
  EXPECT_EQ(complaint({"models", "--json", "list"}),
            "'--json' stands before the command it is for; write tenure models COMMAND --json …");
}

TEST(UnknownWord, IsNoneInWhatMayBeAValueOrAsksForHelp) {
  for (const Words& words : std::vector<Words>{{},
                                               {"models"},
                                               {"--help"},
                                               {"--version"},
                                               {"models", "-h"},
                                               {"completion", "bash"},
                                               {"score", "-1", "--", "--in"}})
    EXPECT_EQ(complaint(words), "");
}

TEST(HelpCommand, IsTheOptionHelpOfTheCommandBehindIt) {
  EXPECT_EQ(help_as_option({"help"}), (Words{"--help"}));
  EXPECT_EQ(help_as_option({"help", "models", "list"}), (Words{"models", "list", "--help"}));
  EXPECT_EQ(help_as_option({"data", "query", "help"}), (Words{"data", "query", "help"}));
}

}  // namespace
}  // namespace tenure::cli
