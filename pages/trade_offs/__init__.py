"""Trade-offs: what does moving load cost in carbon and in water?"""
