// The text is cut into chunks at line ends. Line feeds are counted first, which tells where the edges of each chunk go;
// then chunks are parsed in parallel, nodes are numbered, and end points are written with their final numbers. Where
// there are quotes, cuts that fall into a quoted field are moved behind its line.
#include "edgelist.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "factorize.hpp"

namespace graphrep {
namespace {

constexpr int64_t kChunkBytes = int64_t{1} << 20;
constexpr int64_t kMaxTableBytes = int64_t{1} << 32;  // of text per hash table, which has 32-bit numbers
constexpr int64_t kDenseRange = 16;                   // a bitmap may have this many bits per end point

int64_t count_lines(const char* begin, const char* end) {
    constexpr int kLanes = 32, kRounds = 255;  // byte-wide counters, so that the compiler vectorizes
    int64_t total = 0;
    while (end - begin >= kLanes * kRounds) {
        uint8_t count[kLanes] = {};
        for (int round = 0; round < kRounds; ++round, begin += kLanes)
            for (int lane = 0; lane < kLanes; ++lane) count[lane] += begin[lane] == '\n';
        for (uint8_t lane : count) total += lane;
    }
    return total + std::count(begin, end, '\n');
}

// A part of the text, in whole lines, and the result of parsing it.
struct Chunk {
    const char* begin;
    const char* end;
    int64_t slot = 0;   // position of its first edge in the output
    int64_t count = 0;  // number of edges
    int64_t low = std::numeric_limits<int64_t>::max(), high = std::numeric_limits<int64_t>::min();  // of the ids
    bool quotes = false, open = false;  // has quotes; ends inside a quoted field if it does not begin in one
    std::vector<std::unique_ptr<char[]>> copies{};  // names that differ from the text, each after its position there
    EdgeListProblem problem{};
    EdgeListProblem overflow{};  // an integer outside int64: an error only if all names are integers
    const char* problem_line = nullptr;
    const char* overflow_line = nullptr;
    const char* padded = nullptr;  // the first integer with leading zeros
};

std::vector<Chunk> split_chunks(const char* text, int64_t size, int64_t begin, int64_t chunk_bytes) {
    std::vector<Chunk> chunks;
    for (const char *at = text + begin, *end = text + size; at < end;) {
        const char* stop = end - at > chunk_bytes ? at + chunk_bytes - 1 : end - 1;
        const void* feed = std::memchr(stop, '\n', static_cast<size_t>(end - stop));
        stop = feed ? static_cast<const char*>(feed) + 1 : end;
        chunks.push_back({at, stop});
        at = stop;
    }
    return chunks;
}

// Slot is the type that holds an end point, first as parsed, then as numbered: int32 where that fits.
template <class Slot>
class EdgeListReader {
   public:
    EdgeListReader(const char* text, int64_t size, const EdgeListFormat& format, int num_threads)
        : text_(text), end_(text + size), format_(format), scanner_(format), threads_(num_threads) {}

    // False if Slot is too narrow; the result is then unfinished.
    bool read(int64_t begin, int64_t chunk_bytes, EdgeList& result) {
        const int64_t size = end_ - text_;
        const bool names = format_.strings || (format_.num_nodes < 0 && begins_with_name(text_ + begin));
        if (!names) prepare(split_chunks(text_, size, begin, chunk_bytes ? chunk_bytes : kChunkBytes));
        if (!names && parse_integers()) {
            if (too_narrow_) return false;
            if (find_problem(result.problem)) return true;
            if (format_.num_nodes < 0) result.ids = number_integers();
            for (const Chunk& chunk : chunks_)
                if (chunk.padded && result.padded < 0) result.padded = chunk.padded - text_;
        } else {
            too_narrow_ = false;
            const int64_t share = std::min(kMaxTableBytes, (size - begin) / threads_ + 1);
            prepare(split_chunks(text_, size, begin, chunk_bytes ? chunk_bytes : share));
            const std::vector<Name> keys = number_names();
            if (too_narrow_) return false;
            if (find_problem(result.problem)) return true;
            copy_names(keys, result);
        }
        close_gaps(source_);
        close_gaps(target_);
        if (weighted()) close_gaps(weights_);
        result.weights = std::move(weights_);
        return true;
    }
    Buffer<Slot> source() { return std::move(source_); }
    Buffer<Slot> target() { return std::move(target_); }

   private:
    static constexpr int64_t kMaxSlot = std::numeric_limits<Slot>::max(), kMinSlot = std::numeric_limits<Slot>::min();

    bool weighted() const { return format_.weight >= 0; }

    void prepare(std::vector<Chunk> chunks) {
        chunks_ = std::move(chunks);
        for_chunks([&](Chunk& chunk) {
            chunk.slot = chunk.end[-1] == '\n' ? 0 : 1;
            for (const char *at = chunk.begin, *stop; at < chunk.end; at = stop) {  // twice over a block in the cache
                stop = at + std::min<int64_t>(chunk.end - at, int64_t{1} << 14);
                chunk.slot += count_lines(at, stop);
                chunk.quotes = chunk.quotes || (format_.quotes && has_quote(at, stop));
            }
        });
        if (std::any_of(chunks_.begin(), chunks_.end(), [](const Chunk& chunk) { return chunk.quotes; }))
            align_chunks();
        int64_t total = 0;
        for (Chunk& chunk : chunks_) total += std::exchange(chunk.slot, total);
        source_ = Buffer<Slot>(total);
        target_ = Buffer<Slot>(total);
        if (weighted()) weights_ = Buffer<float>(total);
    }

    // Let no chunk begin inside a quoted field: its lines up to the end of that one go to the chunk before.
    void align_chunks() {
        for_chunks([&](Chunk& chunk) { chunk.open = chunk.quotes && ends_open(chunk.begin, chunk.end); });
        size_t kept = 1;
        bool open = chunks_[0].open;
        for (size_t c = 1; c < chunks_.size(); ++c) {
            Chunk chunk = std::move(chunks_[c]);
            Chunk& before = chunks_[kept - 1];
            if (open) {
                const char* stop = end_of_open(chunk);
                const int64_t lines = stop == chunk.end ? chunk.slot : count_lines(chunk.begin, stop);
                before.end = stop;
                before.quotes = true;
                before.slot += lines;
                chunk.slot -= lines;
                open = stop == chunk.end ? chunk.open : ends_open(stop, chunk.end);
                if (stop == chunk.end) continue;
                chunk.begin = stop;
            } else {
                open = chunk.open;
            }
            chunks_[kept++] = std::move(chunk);
        }
        chunks_.resize(kept);
    }

    // Whether the first edge has an end that is not an integer, so that trying integers is pointless.
    bool begins_with_name(const char* at) const {
        for (const char* stop; at < end_; at = stop + 1) {
            stop = line_end(at, end_);
            if (scanner_.skips(at, stop)) continue;
            Field fields[3] = {};
            EdgeListFault fault = EdgeListFault::none;
            const char* place;
            if (format_.quotes && has_quote(at, stop))
                scanner_.split_quoted(at, end_, fields, stop, fault, place);
            else
                scanner_.split(at, stop, fields);
            int64_t value;
            for (const Field& field : {fields[0], fields[1]})
                if (field.size && parse_integer(field, value) == IntegerText::no) return true;
            return false;
        }
        return false;
    }

    // Whether [begin, end), which begins with a line, ends inside a quoted field.
    bool ends_open(const char* begin, const char* end) const {
        while (begin < end) {
            const char* stop = line_end(begin, end);
            if (has_quote(begin, stop) && !scanner_.skips(begin, stop)) {
                Field fields[3] = {};
                EdgeListFault fault = EdgeListFault::none;
                const char* place;
                scanner_.split_quoted(begin, end, fields, stop, fault, place);
                if (fault == EdgeListFault::quote_open) return true;
            }
            begin = stop + 1;
        }
        return false;
    }

    // Where the line ends that has a quoted field open at the start of the chunk; chunk.open: it is still open there.
    const char* end_of_open(Chunk& chunk) const {
        Field fields[3] = {};
        EdgeListFault fault = EdgeListFault::none;
        const char *stop, *place;
        scanner_.split_quoted(chunk.begin, chunk.end, fields, stop, fault, place, true);
        chunk.open = fault == EdgeListFault::quote_open;
        return std::min(stop + 1, chunk.end);
    }

    static const char* line_end(const char* begin, const char* end) {
        const void* feed = std::memchr(begin, '\n', static_cast<size_t>(end - begin));
        return feed ? static_cast<const char*>(feed) : end;
    }
    static bool has_quote(const char* begin, const char* end) {
        return std::memchr(begin, '"', static_cast<size_t>(end - begin)) != nullptr;
    }

    template <class F>
    void for_chunks(F&& f) {
        parallel_blocks(static_cast<int64_t>(chunks_.size()), 1, threads_, [&](int64_t c, int64_t) { f(chunks_[c]); });
    }

    // Parse a chunk. ends(line, fields, slot) receives the names of a line that scan_plain did not read, after columns
    // and weight have been checked; it returns false to stop.
    template <bool integers, class Ends>
    void parse(Chunk& chunk, Ends&& ends) {
        const int64_t limit = (&chunk == &chunks_.back() ? source_.size() : (&chunk)[1].slot) - chunk.slot;
        const bool bare = scanner_.bare();
        for (const char* at = chunk.begin; at < chunk.end && chunk.count < limit;) {
            const int64_t slot = chunk.slot + chunk.count;
            double weight = 1;
            int64_t source, target;
            if (integers && end_ - at >= 64 &&
                (bare ? scanner_.scan_plain<true>(at, end_, source, target, weight, chunk.padded)
                      : scanner_.scan_plain<false>(at, end_, source, target, weight, chunk.padded))) {
                if (weighted()) weights_[slot] = static_cast<float>(weight);
                store(chunk, slot, source, target);
                ++chunk.count;
                continue;
            }
            const char* line = at;
            const char* stop = line_end(line, chunk.end);
            const bool quoted = chunk.quotes && has_quote(line, stop);
            at = stop + 1;
            if (scanner_.skips(line, stop)) continue;
            Field fields[3] = {};
            int columns;
            if (quoted) {
                EdgeListFault fault = EdgeListFault::none;
                const char* place = line;
                columns = scanner_.split_quoted(line, chunk.end, fields, stop, fault, place);
                if (fault != EdgeListFault::none) return fail(chunk, fault, place, {place, 0});
                at = stop + 1;
            } else {
                columns = scanner_.split(line, stop, fields);
            }
            if (columns != format_.columns) return fail(chunk, EdgeListFault::columns, line, {line, 0}, columns);
            for (int i = 0; i < (weighted() ? 3 : 2); ++i)
                if (fields[i].size == 0) return fail(chunk, EdgeListFault::empty_field, line, fields[i]);
            if (weighted()) {
                const EdgeListFault fault = parse_weight(fields[2], format_.delimiter, weight);
                if (fault != EdgeListFault::none) return fail(chunk, fault, line, fields[2]);
                weights_[slot] = static_cast<float>(weight);
            }
            if (!ends(line, fields, slot)) return;
            ++chunk.count;
        }
    }

    void store(Chunk& chunk, int64_t slot, int64_t source, int64_t target) {
        source_[slot] = static_cast<Slot>(source);
        target_[slot] = static_cast<Slot>(target);
        chunk.low = std::min({chunk.low, source, target});
        chunk.high = std::max({chunk.high, source, target});
    }

    void fail(Chunk& chunk, EdgeListFault fault, const char* line, const Name& field, int columns = 0) {
        chunk.problem = {fault, 0, columns, field.data - text_, field.data + field.size - text_};
        chunk.problem_line = line;
    }

    // Read all names as integers; returns false, as early as possible, if one is not an integer.
    bool parse_integers() {
        std::atomic<bool> integers{true};
        for_chunks([&](Chunk& chunk) {
            if (!integers.load(std::memory_order_relaxed) || too_narrow_.load(std::memory_order_relaxed)) return;
            parse<true>(chunk, [&](const char* line, const Field* fields, int64_t slot) {
                int64_t ends[2] = {};
                const char* padded = nullptr;
                for (int i = 0; i < 2; ++i) {
                    const IntegerText kind = parse_integer(fields[i], ends[i]);
                    if (format_.num_nodes >= 0) {
                        if (kind == IntegerText::no)
                            return fail(chunk, EdgeListFault::integer_needed, line, fields[i]), false;
                        if (kind == IntegerText::overflow || ends[i] < 0 || ends[i] >= format_.num_nodes)
                            return fail(chunk, EdgeListFault::id_outside, line, fields[i]), false;
                    } else if (kind == IntegerText::overflow) {
                        note_overflow(chunk, line, fields[i]);
                    } else if (kind == IntegerText::no) {
                        integers.store(false, std::memory_order_relaxed);
                        return false;
                    }
                    const char* digits = fields[i].data + (*fields[i].data == '-');
                    if (digits + 1 < fields[i].data + fields[i].size && is_padded(digits))
                        padded = padded ? std::min(padded, fields[i].data) : fields[i].data;
                }
                if (!chunk.padded) chunk.padded = padded;
                store(chunk, slot, ends[0], ends[1]);
                return integers.load(std::memory_order_relaxed);
            });
            if (chunk.count && (chunk.low < kMinSlot || chunk.high > kMaxSlot))
                too_narrow_.store(true, std::memory_order_relaxed);
        });
        return integers;
    }

    void note_overflow(Chunk& chunk, const char* line, const Name& field) {
        if (chunk.overflow_line) return;
        chunk.overflow = {EdgeListFault::integer_range, 0, 0, field.data - text_, field.data + field.size - text_};
        chunk.overflow_line = line;
    }

    // The first problem of the file. Overflows come last: a later line may turn all names into strings.
    bool find_problem(EdgeListProblem& problem) const {
        const char* line = nullptr;
        for (const Chunk& chunk : chunks_)
            if (!line && chunk.problem_line) line = chunk.problem_line, problem = chunk.problem;
        for (const Chunk& chunk : chunks_)
            if (!line && chunk.overflow_line) line = chunk.overflow_line, problem = chunk.overflow;
        if (line) problem.line = count_lines(text_, line) + 1;
        return line != nullptr;
    }

    // Number integers by rank; returns the distinct ones, ascending.
    Buffer<int64_t> number_integers() {
        int64_t low = std::numeric_limits<int64_t>::max(), high = std::numeric_limits<int64_t>::min(), edges = 0;
        for (const Chunk& chunk : chunks_) {
            low = std::min(low, chunk.low);
            high = std::max(high, chunk.high);
            edges += chunk.count;
        }
        if (edges == 0) return Buffer<int64_t>(0);
        const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
        return range / kDenseRange <= static_cast<uint64_t>(2 * edges) ? rank_dense(low, high) : rank_sparse();
    }

    Buffer<int64_t> rank_dense(int64_t low, int64_t high) {
        DenseRanks ranks(low, high);
        for_chunks([&](Chunk& chunk) { for_ends(chunk, [&](Slot& id) { ranks.mark(id); }); });
        Buffer<int64_t> ids = ranks.finish();
        for_chunks([&](Chunk& chunk) { for_ends(chunk, [&](Slot& id) { id = static_cast<Slot>(ranks.rank(id)); }); });
        return ids;
    }

    Buffer<int64_t> rank_sparse() {
        const int64_t groups = std::min<int64_t>(threads_, static_cast<int64_t>(chunks_.size()));
        std::vector<KeyTable<int64_t>> tables(groups);
        for_groups(groups, [&](int64_t group, Chunk& chunk) {
            number_ids(tables[group], source_.data() + chunk.slot, chunk.count);
            number_ids(tables[group], target_.data() + chunk.slot, chunk.count);
        });
        const MergedTables<int64_t> merged(tables, threads_);
        std::vector<std::pair<int64_t, int64_t>> order;  // id, number
        for (int64_t number = 0; number < merged.size(); ++number) order.emplace_back(merged.keys()[number], number);
        std::sort(order.begin(), order.end());
        Buffer<int64_t> ids(merged.size()), rank(merged.size());
        for (int64_t i = 0; i < merged.size(); ++i) {
            ids[i] = order[i].first;
            rank[order[i].second] = i;
        }
        for_groups(groups, [&](int64_t group, Chunk& chunk) {
            const int64_t* numbers = merged.numbers(group);
            for_ends(chunk, [&](Slot& id) { id = static_cast<Slot>(rank[numbers[id]]); });
        });
        return ids;
    }

    static void number_ids(KeyTable<int64_t>& table, Slot* ids, int64_t count) {
        constexpr int64_t kBlock = KeyTable<int64_t>::kBlock;
        for (int64_t begin = 0; begin < count; begin += kBlock, ids += kBlock) {
            int64_t keys[kBlock];
            const int64_t size = std::min(kBlock, count - begin);
            std::copy_n(ids, size, keys);
            table.insert_block(keys, size, [&](int64_t i, int64_t number) { ids[i] = static_cast<Slot>(number); });
        }
    }

    template <class F>
    void for_ends(const Chunk& chunk, F&& f) {
        for (int64_t i = chunk.slot; i < chunk.slot + chunk.count; ++i) f(source_[i]);
        for (int64_t i = chunk.slot; i < chunk.slot + chunk.count; ++i) f(target_[i]);
    }

    // f(group, chunk) where a group is a range of chunks that one thread processes.
    template <class F>
    void for_groups(int64_t groups, F&& f) {
        const int64_t size = static_cast<int64_t>(chunks_.size());
        parallel_blocks(groups, 1, threads_, [&](int64_t group, int64_t) {
            const int64_t end = share_begin(size, static_cast<int>(group) + 1, static_cast<int>(groups));
            for (int64_t c = share_begin(size, static_cast<int>(group), static_cast<int>(groups)); c < end; ++c)
                f(group, chunks_[c]);
        });
    }

    // Names to insert into a table, and where their numbers are written.
    struct NameBlock {
        KeyTable<Name>& table;
        Name names[KeyTable<Name>::kBlock];
        Slot* out[KeyTable<Name>::kBlock];
        int64_t size = 0;

        explicit NameBlock(KeyTable<Name>& into) : table(into) {}
        void add(const Name& name, Slot* number) {
            names[size] = name;
            out[size++] = number;
            if (size == KeyTable<Name>::kBlock) flush();
        }
        void flush() {
            table.insert_block(names, size, [&](int64_t i, int64_t number) { *out[i] = static_cast<Slot>(number); });
            size = 0;
        }
    };

    // Read all names as strings and number them by first appearance.
    std::vector<Name> number_names() {
        std::vector<KeyTable<Name>> tables(chunks_.size());
        for_chunks([&](Chunk& chunk) {
            NameBlock block{tables[&chunk - chunks_.data()]};
            parse<false>(chunk, [&](const char*, const Field* fields, int64_t slot) {
                block.add(plain_name(chunk, fields[0]), &source_[slot]);
                block.add(plain_name(chunk, fields[1]), &target_[slot]);
                return true;
            });
            block.flush();
        });
        const MergedTables<Name> merged(tables, threads_);
        if (merged.total() > kMaxSlot) {
            too_narrow_ = true;
            return {};
        }
        for_chunks([&](Chunk& chunk) {
            const int64_t* numbers = merged.numbers(&chunk - chunks_.data());
            for_ends(chunk, [&](Slot& id) { id = static_cast<Slot>(numbers[id]); });
        });
        return merged.keys();
    }

    // The name that a field stands for: doubled quotes become single ones, in a copy.
    Name plain_name(Chunk& chunk, const Field& field) const {
        if (!field.doubled) return field;
        const int64_t position = field.data - text_;
        chunk.copies.emplace_back(new char[sizeof position + static_cast<size_t>(field.size)]);
        char* out = chunk.copies.back().get();
        std::memcpy(out, &position, sizeof position);
        char* name = out += sizeof position;
        for (const char *at = field.data, *end = at + field.size; at < end; ++at) {
            *out++ = *at;
            at += *at == '"';
        }
        return {name, out - name};
    }

    int64_t position(const Name& name) const {
        if (!std::less<>()(name.data, text_) && std::less<>()(name.data, end_)) return name.data - text_;
        int64_t position;
        std::memcpy(&position, name.data - sizeof position, sizeof position);
        return position;
    }

    void copy_names(const std::vector<Name>& names, EdgeList& result) const {
        int64_t bytes = 0;
        for (const Name& name : names) bytes += name.size + 1;
        result.names = Buffer<char>(bytes);
        result.name_position = Buffer<int64_t>(static_cast<int64_t>(names.size()));
        char* out = result.names.data();
        for (size_t i = 0; i < names.size(); ++i) {
            const int64_t at = result.name_position[static_cast<int64_t>(i)] = position(names[i]);
            if (std::memchr(names[i].data, '\0', static_cast<size_t>(names[i].size))) {
                result.problem = {EdgeListFault::nul_byte, count_lines(text_, text_ + at) + 1, 0, at, at};
                return;
            }
            out = std::copy_n(names[i].data, names[i].size, out);
            *out++ = '\0';
        }
    }

    // Lines without an edge left slots unused.
    template <class T>
    void close_gaps(Buffer<T>& values) const {
        int64_t out = 0;
        for (const Chunk& chunk : chunks_) {
            const T* begin = values.data() + chunk.slot;
            if (out != chunk.slot) std::copy(begin, begin + chunk.count, values.data() + out);
            out += chunk.count;
        }
        values.truncate(out);
    }

    const char* text_;
    const char* end_;
    const EdgeListFormat& format_;
    const LineScanner scanner_;
    const int threads_;
    std::vector<Chunk> chunks_;
    std::atomic<bool> too_narrow_{false};
    Buffer<Slot> source_, target_;
    Buffer<float> weights_;
};

Buffer<int32_t> narrowed(const Buffer<int64_t>& wide, int num_threads) {
    Buffer<int32_t> narrow(wide.size());
    parallel_blocks(wide.size(), int64_t{1} << 18, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) narrow[i] = static_cast<int32_t>(wide[i]);
    });
    return narrow;
}

}  // namespace

EdgeList read_edge_list(const char* text, int64_t size, int64_t begin, const EdgeListFormat& format, bool wide,
                        int64_t chunk_bytes, int num_threads) {
    num_threads = std::max(1, num_threads);
    EdgeList result;
    if (!wide) {
        EdgeListReader<int32_t> reader(text, size, format, num_threads);
        if (reader.read(begin, chunk_bytes, result)) {
            if (result.problem.fault == EdgeListFault::none) result.narrow = {reader.source(), reader.target()};
            return result;
        }
        result = {};
    }
    EdgeListReader<int64_t> reader(text, size, format, num_threads);
    reader.read(begin, chunk_bytes, result);
    if (result.problem.fault != EdgeListFault::none) return result;
    const int64_t num_nodes = format.num_nodes >= 0 ? format.num_nodes
                              : result.ids          ? result.ids.size()
                                                    : result.name_position.size();
    result.wide = {reader.source(), reader.target()};
    if (!wide && num_nodes <= std::numeric_limits<int32_t>::max())
        result.narrow = {narrowed(result.wide.source, num_threads), narrowed(result.wide.target, num_threads)};
    return result;
}

}  // namespace graphrep
