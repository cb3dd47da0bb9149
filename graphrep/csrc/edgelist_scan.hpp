// Splits a line of an edge list into fields and reads numbers. One line at a time, without allocation.
#pragma once

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "factorize.hpp"

namespace graphrep {

struct EdgeListFormat {
    char delimiter = '\0';              // '\0': runs of spaces and tabs
    int columns = 2;                    // 2 or 3, on every line
    bool weighted = false;              // the third column is a weight; otherwise it is skipped
    std::vector<std::string> comments;  // a line that begins with one of these is skipped
    int64_t num_nodes = -1;             // ids are integers in [0, num_nodes); -1: any names
};

enum class EdgeListFault {
    none,
    columns,         // wrong number of columns
    empty_field,     // a name or weight is missing
    integer_needed,  // num_nodes is given, but a name is not an integer
    integer_range,   // an integer outside int64
    id_outside,      // an id outside [0, num_nodes)
    weight_text,     // a weight that is not a number
    weight_value,    // a weight that is NaN, infinite as float32, or negative
};

inline bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Read the whole field as [-]digits.
enum class IntegerText { ok, overflow, no };
inline IntegerText parse_integer(const Name& field, int64_t& value) {
    const char* end = field.data + field.size;
    const auto [stop, error] = std::from_chars(field.data, end, value);
    if (stop != end) return IntegerText::no;
    if (error == std::errc::result_out_of_range) return IntegerText::overflow;
    return error == std::errc() ? IntegerText::ok : IntegerText::no;
}

// Read the whole field as a decimal number; values outside the range of double become infinite or zero.
inline bool parse_number(const Name& field, double& value) {
    const char* begin = field.data;
    const char* end = begin + field.size;
    if (field.size > 1 && *begin == '+' && begin[1] != '-') ++begin;
    auto [stop, error] = std::from_chars(begin, end, value);
    if (error == std::errc::result_out_of_range) {
        long double extended = 0;
        const bool small = std::from_chars(begin, end, extended).ec == std::errc() && std::fabs(extended) < 1;
        value = small ? 0 : HUGE_VAL;
        error = std::errc();
    }
    return error == std::errc() && stop == end;
}

// Whether value is a weight: finite as float32 and not negative.
inline bool is_weight(double value) { return value >= 0 && std::isfinite(static_cast<float>(value)); }

// Read digits at `at`, eight at a time; false if there are none or too many for int64. Reads up to 20 bytes.
inline bool scan_digits(const char*& at, int64_t& value) {
    uint64_t number = 0;
    int length = 8;
    if constexpr (std::endian::native == std::endian::little) {
        uint64_t text;
        std::memcpy(&text, at, 8);
        text ^= 0x3030303030303030ULL;  // digits become 0…9
        const uint64_t others = ((text + 0x7676767676767676ULL) | text) & 0x8080808080808080ULL;
        if (others) length = std::countr_zero(others) >> 3;
        if (length == 0) return false;
        text <<= 64 - 8 * length;  // leading zeros in front
        text = (text * 10 + (text >> 8)) & 0x00ff00ff00ff00ffULL;
        text = (text * 100 + (text >> 16)) & 0x0000ffff0000ffffULL;
        number = (text * 10000 + (text >> 32)) & 0xffffffffULL;
    } else {
        for (length = 0; length < 8 && static_cast<unsigned>(at[length] - '0') <= 9; ++length)
            number = number * 10 + static_cast<uint64_t>(at[length] - '0');
        if (length == 0) return false;
    }
    at += length;
    if (length == 8)
        for (unsigned digit; (digit = static_cast<unsigned>(*at - '0')) <= 9; ++at) {
            if (++length > 19) return false;
            number = number * 10 + digit;
        }
    if (number > static_cast<uint64_t>(INT64_MAX)) return false;
    value = static_cast<int64_t>(number);
    return true;
}

class LineScanner {
   public:
    explicit LineScanner(const EdgeListFormat& format) : format_(format) {}

    // Whether [begin, end) is blank or a comment.
    bool skips(const char* begin, const char* end) const {
        while (begin < end && (is_blank(*begin) || *begin == '\r')) ++begin;
        if (begin == end) return true;
        for (const std::string& mark : format_.comments)
            if (static_cast<size_t>(end - begin) >= mark.size() && std::memcmp(begin, mark.data(), mark.size()) == 0)
                return true;
        return false;
    }

    // Split a line, without its line feed, into fields; returns how many there are and keeps the first three.
    int split(const char* begin, const char* end, Name* fields) const {
        if (end > begin && end[-1] == '\r') --end;
        int count = 0;
        if (format_.delimiter == '\0') {
            for (;;) {
                while (begin < end && is_blank(*begin)) ++begin;
                if (begin == end) return count;
                const char* stop = begin;
                while (stop < end && !is_blank(*stop)) ++stop;
                if (count < 3) fields[count] = {begin, stop - begin};
                ++count;
                begin = stop;
            }
        }
        for (;;) {
            const void* found = std::memchr(begin, format_.delimiter, static_cast<size_t>(end - begin));
            const char* stop = found ? static_cast<const char*>(found) : end;
            if (count < 3) fields[count] = trimmed(begin, stop);
            ++count;
            if (!found) return count;
            begin = stop + 1;
        }
    }

    // Read the most common kind of line without splitting: two unsigned integers and an optional weight with single
    // delimiters. Needs 64 readable bytes; moves `at` past the line feed on success, else changes nothing.
    bool scan_plain(const char*& at, const char* text_end, int64_t& source, int64_t& target, double& weight) const {
        const char* p = at;
        int64_t u, v;
        if (!scan_digits(p, u) || !is_delimiter(*p) || !scan_digits(++p, v)) return false;
        if (format_.columns == 3) {
            if (!format_.weighted || !is_delimiter(*p)) return false;
            const auto [stop, error] = std::from_chars(p + 1, text_end, weight);
            if (error != std::errc() || !is_weight(weight) || text_end - stop < 2) return false;
            p = stop;
        }
        if (*p == '\r') ++p;
        if (*p != '\n') return false;
        if (format_.num_nodes >= 0 && (u >= format_.num_nodes || v >= format_.num_nodes)) return false;
        at = p + 1;
        source = u;
        target = v;
        return true;
    }

   private:
    bool is_delimiter(char c) const { return format_.delimiter == '\0' ? is_blank(c) : c == format_.delimiter; }
    // Remove blanks around a field.
    Name trimmed(const char* begin, const char* end) const {
        while (begin < end && is_blank(*begin)) ++begin;
        while (end > begin && is_blank(end[-1])) --end;
        return {begin, end - begin};
    }

    const EdgeListFormat& format_;
};

}  // namespace graphrep
