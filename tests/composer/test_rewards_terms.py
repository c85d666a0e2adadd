"""Each measure by numbers worked by hand, in the order of the groups."""

from __future__ import annotations

import pytest
import torch

from composer.figures import heard_before
from composer.rewards import Reference, accompaniment, form, harmony, melody, novelty, rhythm
from composer.rewards.measure import Places
from composer.score import Score
from composer.view import View
from tests.composer.pieces import piece, random_pieces


def found(places: Places) -> list[tuple[int, float]]:
    """(sixteenth, value) of the first piece's places, in order of time."""
    here = places.here[0]
    values = places.value.expand_as(places.here)[0][here].tolist()
    return sorted(
        (step, pytest.approx(value, abs=1e-6))
        for step, value in zip(places.step[0][here].tolist(), values, strict=True)
    )


def contexts(places: Places) -> list[int]:
    assert places.context is not None
    return places.context[0][places.here[0]].tolist()


FOUR_CHORDS = "C*4 F*4 G*4 C*4"


class TestHarmony:
    def test_strong_beats_ask_for_chord_tones(self):
        places = harmony.strong_beats(View(piece("60*4 62*4 64*4 65*4", "C*4")))
        assert found(places) == [(0, 1), (4, 0), (8, 1), (12, 0)]
        assert places.weight is not None
        assert places.weight[0, [0, 4, 8, 12]].tolist() == [3, 1, 2, 1]

    def test_rests_and_beats_without_chord_are_left_out(self):
        assert found(harmony.strong_beats(View(piece("60*4 .*4 64*8", "C C - -")))) == [(0, 1)]

    def test_passing_notes_are_well_treated_and_leaps_are_not(self):
        passing = harmony.dissonance(View(piece("60*4 62*4 64*4 65*4", "C*4")))
        assert found(passing) == [(0, 1), (4, 1), (8, 1), (12, 0.5)]
        leaping = harmony.dissonance(View(piece("60*4 69*4 62*4 64*4", "C*4")))
        assert found(leaping) == [(0, 1), (4, 0), (8, 0.5), (12, 1)]

    def test_an_anticipation_counts_as_left_well(self):
        assert found(harmony.dissonance(View(piece("60*8 .*2 65*6", "C C C F"))))[1] == (10, 0.5)

    def test_support_names_the_degree_over_the_chord(self):
        places = harmony.support(View(piece("64*8 69*6 67*2", "C*2 Am*2")))
        assert found(places) == [(0, 4), (8, 0), (14, 10)]
        assert contexts(places) == [1, 3, 2]

    def test_progression_names_the_chord_and_the_one_before(self):
        places = harmony.progression(View(piece("60*16 60*16", "G*4 C*2 Am*2")))
        assert found(places) == [(16, 1), (24, 1 + 12 + 9)]
        assert contexts(places) == [1 + 7, 1]

    def test_harmonic_rhythm_is_the_share_of_places_that_change(self):
        line = " ".join(["60*16"] * 4)
        assert found(harmony.harmonic_rhythm(View(piece(line, FOUR_CHORDS)))) == [(63, 10)]
        assert found(harmony.harmonic_rhythm(View(piece(line, "C*16")))) == [(63, 2)]  # 1 of 8: 2.5, even

    @pytest.mark.parametrize(
        ("close", "chords", "mode", "grade"),
        [
            ("72*16", FOUR_CHORDS, "major", 1.0),
            ("74*16", FOUR_CHORDS, "major", 0.3),  # not a tone of the last chord
            ("71*14 72*2", FOUR_CHORDS, "major", 0.125),  # a tonic tacked onto the last eighth: 2/8 * 1/2
            ("72*12 .*4", FOUR_CHORDS, "major", 1.0),  # a rest follows: still a long gap
            ("72*16", "C*4 F*4 F*4 C*4", "major", 0.8),  # plagal
            ("72*16", "C*16", "major", 0.5),  # rests on the tonic without having moved
            ("69*16", "Am*4 Dm*4 E*4 Am*4", "minor", 1.0),
            ("69*16", "Am*4 Dm*4 Em*4 Am*4", "minor", 0.6),  # no raised leading tone
        ],
    )
    def test_a_cadence_needs_harmony_rhythm_and_melody(self, close, chords, mode, grade):
        places = harmony.cadence(View(piece(f"67*16 69*16 71*16 {close}", chords, mode=mode)))
        assert [value for _, value in found(places)] == [grade]

    def test_a_cadence_in_three_four_takes_half_a_bar(self):
        places = harmony.cadence(View(piece("67*12 69*12 71*12 71*8 72*4", "C*3 F*3 G*3 C*3", meter="3/4")))
        # Four of the six sixteenths of half a bar, on a beat.
        assert found(places) == [(44, 4 / 6)]

    @pytest.mark.parametrize(
        ("close", "chords", "mode", "grade"),
        [
            ("72*16", FOUR_CHORDS, "major", 1.0),
            ("76*16", FOUR_CHORDS, "major", 0.6),  # the third of the tonic chord
            ("74*16", FOUR_CHORDS, "major", 0.2),
            ("71*14 72*2", FOUR_CHORDS, "major", 0.125),  # 2/8 of half a bar, off the beat
            ("67*16", "C*4 F*4 F*4 G*4", "major", 0.04),  # stops on the dominant
            ("69*16", "Am*4 Dm*4 E*4 Am*4", "minor", 1.0),
        ],
    )
    def test_an_ending_comes_to_rest_on_the_tonic(self, close, chords, mode, grade):
        places = harmony.ending(View(piece(f"67*16 69*16 71*16 {close}", chords, mode=mode)))
        assert found(places) == [(pytest.approx(62 if close.startswith("71") else 48), pytest.approx(grade))]


class TestRhythm:
    def test_density_counts_the_notes_of_each_bar(self):
        assert found(rhythm.density(View(piece("60*4 60*12 .*16", "C*8")))) == [(15, 2), (31, 0)]

    def test_groove_is_likeness_to_the_closest_bar(self):
        line = "60*8 62*8  62*8 64*8  60*4 60*12  60*16"
        # Bars 1 to 3 to the bars before: 1, then {0,4} to {0,8}: 1/3, then {0} to {0,4}: 1/2; their mean is .611.
        assert found(rhythm.groove(View(piece(line, "C*16")))) == [(63, 12)]

    def test_syncopation_sounds_on_through_a_stronger_beat(self):
        view = View(piece("60*2 60*4 60*2 60*8", "C*4"))
        assert rhythm.syncopated(view).tolist() == [[False, True, False, False]]
        assert found(rhythm.syncopation(view)) == [(15, 1)]

    def test_duration_is_the_gap_for_the_place_in_the_bar(self):
        places = rhythm.duration(View(piece("60*2 60*4 60*2 60*8", "C*4")))
        assert found(places) == [(0, 1), (2, 3), (6, 1), (8, 7)]
        assert contexts(places) == [0 * 3 + 1, 2 * 3 + 1, 6 * 3 + 1, 8 * 3 + 1]

    def test_breath_asks_for_the_longest_gap_at_the_phrase_end(self):
        inner = "60*4 62*4 64*8 "
        assert found(rhythm.breath(View(piece(inner * 3 + "60*4 62*12", "C*16")))) == [(52, 1)]
        assert found(rhythm.breath(View(piece("60*16 " + inner * 3, "C*16")))) == [(56, 0)]

    def test_silence_is_the_silent_share(self):
        places = rhythm.silence(View(piece("60*4 .*12 60*16 .*16", "C*12")))
        assert found(places) == [(15, 3), (31, 0), (47, 5)]


class TestMelody:
    def test_key_allows_the_raised_degrees_of_minor(self):
        assert [grade for _, grade in found(melody.key(View(piece("60*4 61*4 66*4 71*4", "C*4"))))] == [1, 0, 0, 1]
        minor = melody.key(View(piece("66*4 68*4 67*4 61*4", "Am*4", mode="minor")))
        assert [grade for _, grade in found(minor)] == [1, 1, 1, 0]

    def test_interval_and_the_motion_before_it(self):
        places = melody.interval(View(piece("60*4 62*4 69*4 67*4", "C*4")))
        assert found(places) == [(4, 12 + 2), (8, 12 + 7), (12, 12 - 2)]
        assert contexts(places) == [3, 4, 6]

    def test_tendency_names_both_degrees(self):
        places = melody.tendency(View(piece("71*8 72*8", "C*4")))
        assert found(places) == [(8, 0)]
        assert contexts(places) == [11]

    @pytest.mark.parametrize(("last", "grade"), [(65, 1), (69, 0.5), (67, 0.5), (74, 0), (58, 0)])
    def test_a_leap_turns_back(self, last, grade):
        assert found(melody.leap_resolution(View(piece(f"60*4 67*4 {last}*8", "C*4")))) == [(8, grade)]

    def test_repeats_are_a_share_of_the_notes(self):
        # Two of the four notes of every bar repeat the one before.
        assert found(melody.repeats(View(piece("60*4 60*4 62*4 62*4 " * 4, "C*16")))) == [(63, 10)]

    def test_span_is_counted_in_whole_tones(self):
        assert found(melody.span(View(piece("60*16 67*16 62*16 62*16", "C*16")))) == [(63, 3)]

    def test_contour_follows_the_mean_of_the_bars(self):
        places = melody.contour(View(piece("60*16 62*8 66*8 .*16 60*16", "C*16")))
        assert found(places) == [(31, 5 + 2)]
        assert contexts(places) == [1]


class TestForm:
    def test_recall_sees_what_returns_after_four_bars(self):
        phrase = "60*4 62*4 64*8 65*16 67*16 72*8 71*8 "
        again = form.recall(View(piece(phrase * 2, "C*32")))
        assert found(again) == [(16 * bar + 15, 20) for bar in (4, 5, 6, 7)]
        other = "48*4 50*12 52*16 53*16 50*16"
        assert [value for _, value in found(form.recall(View(piece(phrase + other, "C*32"))))] == [0, 0, 0, 0]

    def test_harmony_recall_compares_chords(self):
        line = " ".join(["60*16"] * 8)
        assert found(form.harmony_recall(View(piece(line, FOUR_CHORDS + " C*4 F*4 Am*8"))))[-1] == (127, 10)

    def test_bars_are_related_to_earlier_ones(self):
        line = "60*4 62*4 64*8  62*4 64*4 65*8  62*4 64*4 65*8  65*4 60*4 64*8  60*2 60*14"
        relation, known = form.relation_to_earlier(View(piece(line, "C*20")))
        # Moved up a step, a copy, the rhythm alone with another shape, a downbeat alone in common (1 of 4).
        assert relation.tolist() == [[0, 3, 4, 2, 0]]
        assert known.tolist() == [[False, True, True, True, True]]

    def test_development_is_the_mean_relation(self):
        line = "60*4 62*4 64*8  62*4 64*4 65*8  62*4 64*4 65*8  65*4 60*4 64*8"
        # (3/4 + 1 + 1/2) / 3 of twenty twentieths.
        assert found(form.development(View(piece(line, "C*16")))) == [(63, 15)]

    def test_motif_is_the_share_of_figures_heard_before(self):
        view = View(piece("60*4 62*4 64*4 62*4 " * 4, "C*16"))
        heard, here = heard_before(view)
        # 16 notes, 13 figures; the first four (one a note of the bar) are new.
        assert here.sum().item() == 13
        assert (heard & here).sum().item() == 9
        assert found(form.motif(view)) == [(63, round(9 / 13 * 20))]


class TestAccompaniment:
    def test_a_stroke_is_judged_by_what_was_struck_before(self):
        music = piece("60*8 62*8 60*16", "C*8", groove="b.u.u.u.x...u...b.u.........x...")
        places = accompaniment.accompaniment(View(music))
        assert [value for _, value in found(places)[:9]] == [1, 0, 2, 0, 2, 0, 2, 0, 3]

        def context(place, bar_ago, before, melody):
            return ((place * 5 + bar_ago) * 4 + before) * 2 + melody

        seen = contexts(places)
        assert seen[0] == context(0, 0, 0, 1)
        assert seen[1] == context(1, 0, 1, 0)
        assert seen[8] == context(8, 0, 0, 1)
        # Bar 2: at its first sixteenth a bass note stood a bar ago; at its fourteenth nothing did, after both.
        assert seen[16] == context(0, 1 + 1, 0, 1)
        assert seen[16 + 13] == context(13, 1, 3, 0)

    def test_an_accompaniment_returns_after_four_or_eight_bars(self):
        first, other = "b.u.u.u.b.u.u.u.", "x...x...x...x..."
        line = " ".join(["60*16"] * 8)
        again = View(piece(line, "C*32", groove=first * 4 + first * 4))
        assert found(accompaniment.accompaniment_recall(again)) == [(16 * bar + 15, 1) for bar in (4, 5, 6, 7)]
        # Of the eight strokes of a bar and the four of the other none is the same, for b is not x.
        changed = View(piece(line, "C*32", groove=first * 4 + other * 4))
        assert [value for _, value in found(accompaniment.accompaniment_recall(changed))] == [0, 0, 0, 0]
        half = View(piece(line, "C*32", groove=first * 4 + "b.u.u.u.x...x..." * 4))
        # Four of eight: in the second half one bar has four strokes and the other two, none the same.
        assert [value for _, value in found(accompaniment.accompaniment_recall(half))] == [0.5] * 4

    def test_a_foundation_is_a_bass_note_under_each_new_chord(self):
        music = piece("60*16 60*16", "C*2 F*2 G*4", groove="b.u.u.u.u...u...x...u...b.......")
        assert found(accompaniment.foundation(View(music))) == [(0, 1), (8, 0), (16, 1)]

    def test_what_is_not_accompanied_is_not_judged(self):
        view = View(piece("60*16", "C*4"))
        assert found(accompaniment.accompaniment(view)) == found(accompaniment.foundation(view)) == []


class TestNovelty:
    corpus: Score = random_pieces(40, 11)
    reference = Reference.from_scores(corpus)

    def test_a_copied_piece_is_found_out(self):
        view = View(self.corpus.select([3]))
        run, here = novelty.copied_runs(view, self.reference)
        tokens = int(view.notes.here.sum()) - 2  # the first note has no interval, the last no gap
        assert run[here][-1].item() == tokens
        assert found(novelty.copying(view, self.reference))[-1][1] == 0.0

    def test_other_music_is_not(self):
        places = novelty.copying(View(random_pieces(1, 99)), self.reference)
        assert places.value[places.here].mean().item() == pytest.approx(1.0)

    def test_copies_in_another_key_are_copies(self):
        piece_ = self.corpus.select([0])
        moved = Score(
            **{
                name: getattr(piece_, name) + (3 * (piece_.pitch > 0) if name == "pitch" else 0)
                for name in piece_.__slots__
            }
        )
        slots = [novelty.run_slots(View(score))[0] for score in (piece_, moved)]
        assert torch.equal(*slots)

    def test_surprise_is_the_mean_information_of_a_bar(self):
        view = View(piece("60*8 62*8", "C*4"))
        chance_gap = self.reference.probability("duration")[0, :, 8 - 1]
        chance_step = self.reference.probability("interval")[0, 3, 14]
        # Two gaps of eight at places 0 and 8 of a bar with up to three notes, one step up after no motion.
        bits = -(chance_gap[0].log() + chance_gap[8 * 3].log() + chance_step.log()) / 2
        assert found(novelty.surprise(view, self.reference)) == [(15, int(bits * 2))]

    def test_pitch_variety_knows_the_number_of_notes(self):
        places = novelty.pitch_variety(View(piece("60*4 62*4 60*4 62*4 " * 2, "C*8")))
        assert found(places) == [(31, 2)]
        assert contexts(places) == [4]

    def test_chord_variety_counts_chords_of_a_phrase(self):
        line = " ".join(["60*16"] * 4)
        assert found(novelty.chord_variety(View(piece(line, FOUR_CHORDS)))) == [(63, 3)]

    def test_rhythm_variety_counts_beats_of_a_phrase(self):
        # A struck and a held beat, and one of two eighths.
        assert found(novelty.rhythm_variety(View(piece("60*16 " * 3 + "60*8 60*2 60*2 60*4", "C*16")))) == [(63, 3)]
