"""A very small language model: the words that follow each pair of words in the Queries of Newton's Opticks."""

import random
import re


class Newton:
    def __init__(self, text):
        words = text.partition("\n\n")[2].split()  # without the heading
        self._next = {}
        self._pairs_with = {}
        for first, second, third in zip(words, words[1:], words[2:], strict=False):
            self._next.setdefault((first, second), []).append(third)
            self._pairs_with.setdefault(bare(first), []).append((first, second))
        self._openings = [pair for pair in self._next if pair[0] in ("And", "For", "The", "Do", "Is")]

    def answer(self, message, sentences=2, most_words=90):
        """Yield the tokens of an answer. Equal messages get equal answers."""
        chance = random.Random(message)
        known = [pair for word in message.split() if len(word) > 3 for pair in self._pairs_with.get(bare(word), ())]
        pair = chance.choice(known or self._openings)
        yield pair[0].capitalize()
        for _ in range(most_words):
            yield " " + pair[1]
            sentences -= pair[1].endswith((".", "?"))
            if not sentences or pair not in self._next:
                return
            pair = (pair[1], chance.choice(self._next[pair]))


def bare(word):
    return re.sub(r"\W", "", word).lower()
