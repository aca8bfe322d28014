#include "core/terminal.h"

#include <gtest/gtest.h>

namespace tenure::core {
namespace {

TEST(TextTable, AlignsByCodePointsNotBytes) {
  TextTable table({{"Größe", Align::kLeft}, {"n", Align::kRight}, {"last"}});
  table.add_row({"ä", "1", "x"});
  table.add_row({"abcdefg", "1000", ""});
  EXPECT_EQ(table.text(),
            "Größe       n  last\n"
            "-------  ----  ----\n"
            "ä           1  x\n"
            "abcdefg  1000\n");
}

TEST(TextTable, CutsWideCells) {
  TextTable table({{"t", Align::kLeft, 4}});
  table.add_row({"ääää"});
  table.add_row({"äääää"});
  EXPECT_EQ(table.text(), "t\n----\nääää\näää…\n");
}

TEST(TextTable, LetsNoControlCharacterThrough) {
  TextTable table({{"t"}});
  table.add_row({"a\x1b[31m\nb\x7f."});
  EXPECT_EQ(table.text(), "t\n----------\na [31m b .\n");
}

TEST(TextTableDeathTest, AbortsOnARowOfAnotherWidth) {
  TextTable table({{"a"}, {"b"}});
  EXPECT_DEATH(table.add_row({"1"}), "internal error");
}

TEST(CutToWidth, CountsTheEllipsis) {
  EXPECT_EQ(cut_to_width("abc", 3), "abc");
  EXPECT_EQ(cut_to_width("abcd", 3), "ab…");
  EXPECT_EQ(cut_to_width("abcd", 1), "…");
  EXPECT_EQ(cut_to_width("abcd", 0), "");
}

TEST(ProgressLine, ShowsShareRateAndTimeLeft) {
  EXPECT_EQ(progress_line("train", {.done = 50, .total = 200, .elapsed_s = 10}, "loss 0.4", 200),
            "train  [======>                 ]  25 %  50/200  5.0/s  ETA 30.0 s  loss 0.4");
  EXPECT_EQ(progress_line("train", {.done = 200, .total = 200, .elapsed_s = 10}, {}, 200),
            "train  [========================] 100 %  200/200  20.0/s");
}

TEST(ProgressLine, BearsUnknownTotalsAndOvershoot) {
  EXPECT_EQ(progress_line("read", {.done = 3'000'000, .total = 0, .elapsed_s = 2}, {}, 200),
            "read  3000000  1.5 M/s");
  EXPECT_EQ(progress_line("read", {.done = 0, .total = 0, .elapsed_s = 0}, {}, 200), "read  0");
  EXPECT_EQ(progress_line("x", {.done = 9, .total = 3, .elapsed_s = 0}, {}, 200),
            "x  [========================] 100 %  9/3");
  EXPECT_EQ(text_width(progress_line("größer", {1, 2, 1}, "note", 20)), 20u);
}

TEST(ProgressBar, PrintsNothingOffATerminal) {
  testing::internal::CaptureStderr();
  {
    ProgressBar bar("work", 10);
    for (std::uint64_t i = 0; i <= 10; ++i) bar.update(i, 10, "note");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_FALSE([] {
    testing::internal::CaptureStderr();
    const bool is_interactive = is_terminal_interactive();
    testing::internal::GetCapturedStderr();
    return is_interactive;
  }());
}

}  // namespace
}  // namespace tenure::core
