#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::learn {

/// `text` as a gnuplot string that is drawn letter by letter, whatever it holds: quotes, commands,
/// control characters. Longer texts are cut to `letters_max` with an ellipsis.
std::string gnuplot_quote(std::string_view text, std::size_t letters_max = 1000);

enum class GnuplotOutcome { kDone, kNotInstalled };

/// Runs a script through the gnuplot program (no shell). Its files of work lie in `folder` and are
/// removed. Errors: kUnavailable with gnuplot's own words; those of core/file.h.
core::Result<GnuplotOutcome> run_gnuplot(const std::filesystem::path& folder,
                                         std::string_view script);

}  // namespace tenure::learn
